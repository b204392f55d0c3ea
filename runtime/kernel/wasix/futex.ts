// WASIX's futexes, and wvm's own door to futex(2) with robust lists. What waits and wakes is in futex/.

import { Errno } from '../../../abi/errno.ts';
import { FUTEX_BITSET_MATCH_ANY, FUTEX_CLOCK_REALTIME, FUTEX_PRIVATE_FLAG, FutexOp } from '../../../abi/futex.ts';
import { OPTION_TIMESTAMP, OptionTag } from '../../../abi/wasix.ts';
import { Blocked, type SystemCallResult } from '../blocked.ts';
import type { FutexQueue } from '../futex/futex-queue.ts';
import type { FutexTimeout } from '../futex/futexes.ts';
import { loadWord, lockPi, requeuePi, storeWord, tryLockPi, unlockPi } from '../futex/priority-inheritance.ts';
import { setRobustList } from '../futex/robust-list.ts';
import { decodeWakeOp } from '../futex/wake-op.ts';
import { checkRange, storeU32 } from '../guest-access.ts';
import { fail } from '../sys-error.ts';
import type { Thread } from '../thread.ts';
import type { WasiContext } from '../wasi/context.ts';

/** WASIX and Linux futexes are words of the first memory. */
const MEMORY = 0;

/**
 * Waits until the futex is woken. Result: a bool at `result`, false if the time was over before; true, at once, if the word is
 * not what was expected: the interface speaks of EINVAL there, but its host does not answer that and its libc traps on it.
 * Errors: EINVAL (misaligned), EFAULT.
 */
export function futex_wait(
  context: WasiContext,
  futex: number,
  expected: number,
  timeout: number,
  result: number,
): SystemCallResult {
  const { process, kernel } = context;
  const address = wordAddress(context, futex);
  const option = checkRange(process.memory, timeout, OPTION_TIMESTAMP.size);
  const resultAddr = checkRange(process.memory, result, 1);
  const { view } = process.memory;
  const isLimited = view.getUint8(option + OPTION_TIMESTAMP.tag) !== OptionTag.NONE;
  const outcome = kernel.futexes.wait(kernel.current, {
    memory: MEMORY,
    address,
    bitset: FUTEX_BITSET_MATCH_ANY,
    lockAddress: null,
    timeout: isLimited
      ? { clock: 'relative', ns: view.getBigUint64(option + OPTION_TIMESTAMP.value, true) }
      : undefined,
    isExpected: () => loadWord(process, address) === expected >>> 0,
  });
  if (outcome instanceof Blocked) return outcome;
  process.memory.bytes[resultAddr] = outcome === Errno.ETIMEDOUT ? 0 : 1;
  return Errno.ESUCCESS;
}

/** Wakes one thread. Result: a bool at `result`, whether there was one. Errors: EINVAL (misaligned), EFAULT. */
export function futex_wake(context: WasiContext, futex: number, result: number): SystemCallResult {
  return wake(context, futex, 1, result);
}

/** Wakes all threads. Result: a bool at `result`, whether there was one. Errors: EINVAL (misaligned), EFAULT. */
export function futex_wake_all(context: WasiContext, futex: number, result: number): SystemCallResult {
  return wake(context, futex, Number.POSITIVE_INFINITY, result);
}

function wake(context: WasiContext, futex: number, count: number, result: number): SystemCallResult {
  const { process, kernel } = context;
  const address = wordAddress(context, futex);
  const resultAddr = checkRange(process.memory, result, 1);
  const woken = kernel.futexes.wake(process, MEMORY, address, count, FUTEX_BITSET_MATCH_ANY);
  process.memory.bytes[resultAddr] = woken > 0 ? 1 : 0;
  return Errno.ESUCCESS;
}

/** One call of futex(2), its parameters checked. */
interface FutexCall {
  readonly context: WasiContext;
  readonly thread: Thread;
  readonly address: number;
  readonly value: number;
  readonly timeoutNs: bigint;
  readonly isRealtime: boolean;
  /** Second futex; not checked yet. */
  readonly addr2: number;
  readonly value3: number;
}

/** An errno, Blocked, or how many threads it was done to. */
type FutexOutcome = { readonly count: number } | SystemCallResult;

/**
 * futex(2): every operation of Linux but FUTEX_FD. Result: at `result`, if that is wanted, the threads that were woken (and
 * requeued). Errors: ENOSYS (operation, or FUTEX_CLOCK_REALTIME where it means nothing), EINVAL, EFAULT, EAGAIN, ETIMEDOUT; of
 * locks EDEADLK, EPERM, ESRCH. See: futex(2).
 */
export function futex(
  context: WasiContext,
  addr: number,
  op: number,
  value: number,
  timeoutOrValue2: bigint,
  addr2: number,
  value3: number,
  result: number,
): SystemCallResult {
  const { memory } = context.process;
  const isRealtime = (op & FUTEX_CLOCK_REALTIME) !== 0;
  const command = op & ~(FUTEX_PRIVATE_FLAG | FUTEX_CLOCK_REALTIME);
  const operation = OPERATIONS.get(command);
  if (operation === undefined || (isRealtime && !TAKES_CLOCK.has(command))) fail(Errno.ENOSYS);
  const resultAddr = result === 0 ? 0 : checkRange(memory, result, 4);
  const outcome = operation({
    context,
    thread: context.kernel.current,
    address: wordAddress(context, addr),
    value: value >>> 0,
    timeoutNs: timeoutOrValue2,
    isRealtime,
    addr2,
    value3: value3 >>> 0,
  });
  if (typeof outcome !== 'object' || !('count' in outcome)) return outcome;
  if (resultAddr !== 0) storeU32(memory, resultAddr, outcome.count);
  return Errno.ESUCCESS;
}

const TAKES_CLOCK: ReadonlySet<number> = new Set([
  FutexOp.FUTEX_WAIT,
  FutexOp.FUTEX_WAIT_BITSET,
  FutexOp.FUTEX_WAIT_REQUEUE_PI,
  FutexOp.FUTEX_LOCK_PI2,
]);

const OPERATIONS: ReadonlyMap<number, (call: FutexCall) => FutexOutcome> = new Map([
  [FutexOp.FUTEX_WAIT, (call) => wait(call, timeoutOf(call, 'relative'), FUTEX_BITSET_MATCH_ANY, null)],
  [FutexOp.FUTEX_WAIT_BITSET, (call) => wait(call, timeoutOf(call, absolute(call)), call.value3, null)],
  [FutexOp.FUTEX_WAIT_REQUEUE_PI, waitForLock],
  [FutexOp.FUTEX_WAKE, (call) => wakeSome(call, FUTEX_BITSET_MATCH_ANY)],
  [FutexOp.FUTEX_WAKE_BITSET, (call) => wakeSome(call, call.value3)],
  [FutexOp.FUTEX_WAKE_OP, wakeOp],
  [FutexOp.FUTEX_REQUEUE, requeue],
  [FutexOp.FUTEX_CMP_REQUEUE, (call) => (isWord(call, call.value3) ? requeue(call) : Errno.EAGAIN)],
  [FutexOp.FUTEX_CMP_REQUEUE_PI, requeueToLock],
  [FutexOp.FUTEX_LOCK_PI, (call) => lock(call, 'realtime')],
  [FutexOp.FUTEX_LOCK_PI2, (call) => lock(call, absolute(call))],
  [FutexOp.FUTEX_TRYLOCK_PI, ({ context, thread, address }) => tryLockPi(context.kernel.futexes, thread, address)],
  [FutexOp.FUTEX_UNLOCK_PI, ({ context, thread, address }) => unlockPi(context.kernel.futexes, thread, address)],
] as const satisfies readonly (readonly [number, (call: FutexCall) => FutexOutcome])[]);

function wait(
  call: FutexCall,
  timeout: FutexTimeout | undefined,
  bitset: number,
  lockAddress: number | null,
): FutexOutcome {
  if (bitset === 0) fail(Errno.EINVAL);
  const { context, thread, address, value } = call;
  const isExpected = (): boolean => loadWord(context.process, address) === value;
  return context.kernel.futexes.wait(thread, { memory: MEMORY, address, bitset, lockAddress, timeout, isExpected });
}

/** As on Linux, one thread is woken even if none was wanted. */
function wakeSome(call: FutexCall, bitset: number): FutexOutcome {
  if (bitset === 0) fail(Errno.EINVAL);
  const { context, address, value } = call;
  plainQueue(call, address);
  return { count: context.kernel.futexes.wake(context.process, MEMORY, address, Math.max(value | 0, 1), bitset) };
}

function wakeOp(call: FutexCall): FutexOutcome {
  const { context, address, value, value3 } = call;
  const { process } = context;
  const second = wordAddress(context, call.addr2);
  const { apply, passes } = decodeWakeOp(value3);
  plainQueue(call, address);
  const old = loadWord(process, second);
  const wakesSecond = passes(old);
  if (wakesSecond) plainQueue(call, second);
  storeWord(process, second, apply(old));
  const wakeUpTo = (at: number, count: number): number =>
    context.kernel.futexes.wake(process, MEMORY, at, Math.max(count | 0, 1), FUTEX_BITSET_MATCH_ANY);
  let count = wakeUpTo(address, value);
  if (wakesSecond) count += wakeUpTo(second, Number(BigInt.asIntN(32, call.timeoutNs)));
  return { count };
}

function requeue(call: FutexCall): FutexOutcome {
  const target = wordAddress(call.context, call.addr2);
  const [wakeCount, moveCount] = counts(call);
  const queue = plainQueue(call, call.address);
  if (queue === undefined) return { count: 0 };
  return { count: call.context.kernel.futexes.requeue(queue, MEMORY, target, wakeCount, moveCount) };
}

function requeueToLock(call: FutexCall): FutexOutcome {
  const { context, address, value3 } = call;
  const target = wordAddress(context, call.addr2);
  const [wakeCount, moveCount] = counts(call);
  if (wakeCount !== 1 || target === address) fail(Errno.EINVAL);
  if (!isWord(call, value3)) return Errno.EAGAIN;
  const queue = context.kernel.futexes.find(context.process, MEMORY, address, false);
  return { count: queue === undefined ? 0 : requeuePi(context.kernel.futexes, queue, target, moveCount) };
}

function waitForLock(call: FutexCall): FutexOutcome {
  const target = wordAddress(call.context, call.addr2);
  if (target === call.address) fail(Errno.EINVAL);
  return wait(call, timeoutOf(call, absolute(call)), FUTEX_BITSET_MATCH_ANY, target);
}

function lock(call: FutexCall, clock: FutexTimeout['clock']): FutexOutcome {
  return lockPi(call.context.kernel.futexes, call.thread, call.address, timeoutOf(call, clock));
}

/** The plain waiters at an address, if there are any. EINVAL if there are some that wait to be given a lock. */
function plainQueue({ context }: FutexCall, address: number): FutexQueue | undefined {
  const { futexes } = context.kernel;
  const queue = futexes.find(context.process, MEMORY, address, false);
  const isForLock = typeof queue?.first?.lockAddress === 'number';
  if (isForLock || futexes.find(context.process, MEMORY, address, true) !== undefined) fail(Errno.EINVAL);
  return queue;
}

/** Threads to wake and to move; the second one comes in place of the timeout. EINVAL below 0. */
function counts({ value, timeoutNs }: FutexCall): [number, number] {
  const moveCount = Number(BigInt.asIntN(32, timeoutNs));
  if ((value | 0) < 0 || moveCount < 0) fail(Errno.EINVAL);
  return [value, moveCount];
}

function isWord({ context, address }: FutexCall, value: number): boolean {
  return loadWord(context.process, address) === value;
}

function absolute({ isRealtime }: FutexCall): FutexTimeout['clock'] {
  return isRealtime ? 'realtime' : 'monotonic';
}

/** -1 is no timeout; EINVAL below that. */
function timeoutOf({ timeoutNs }: FutexCall, clock: FutexTimeout['clock']): FutexTimeout | undefined {
  if (timeoutNs < -1n) fail(Errno.EINVAL);
  return timeoutNs === -1n ? undefined : { clock, ns: timeoutNs };
}

/** EINVAL (misaligned), EFAULT. */
function wordAddress(context: WasiContext, addr: number): number {
  if ((addr & 3) !== 0) fail(Errno.EINVAL);
  return checkRange(context.process.memory, addr, 4);
}

/**
 * Tells where the calling thread keeps the list of the locks it holds; 0: nowhere. Errors: EINVAL (a head of another size than 12
 * or 24 bytes). See: set_robust_list(2).
 */
export function set_robust_list(context: WasiContext, head: number, length: number): SystemCallResult {
  setRobustList(context.kernel.current, { head: BigInt(head >>> 0), length: length >>> 0 });
  return Errno.ESUCCESS;
}

/**
 * Results: head and length as they were registered, 0 if nothing was. `tid` 0 is the caller. Errors: ESRCH, EFAULT. See:
 * get_robust_list(2).
 */
export function get_robust_list(context: WasiContext, tid: number, head: number, length: number): SystemCallResult {
  const { memory } = context.process;
  const headAddr = head === 0 ? 0 : checkRange(memory, head, 4);
  const lengthAddr = length === 0 ? 0 : checkRange(memory, length, 4);
  const { kernel } = context;
  const thread = tid === 0 ? kernel.current : (kernel.threadOf(tid) ?? fail(Errno.ESRCH));
  if (headAddr !== 0) storeU32(memory, headAddr, Number(BigInt.asUintN(32, thread.robustList?.head ?? 0n)));
  if (lengthAddr !== 0) storeU32(memory, lengthAddr, thread.robustList?.length ?? 0);
  return Errno.ESUCCESS;
}
