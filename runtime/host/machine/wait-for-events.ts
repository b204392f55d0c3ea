// A machine none of whose threads can run waits for what may wake one: a time, or a stream of the host.

import type { Kernel } from '../../kernel/kernel.ts';
import type { HostParts } from './host-parts.ts';

/** setTimeout takes no more. */
const MAX_TIMEOUT_MS = 2 ** 31 - 1;

/** A wait that is under way. */
export interface EventWait {
  readonly ended: Promise<void>;
  /** Somebody wants something of the machine. */
  readonly end: () => void;
}

/** Ends when one of the blocked threads' conditions may hold, at `deadlineMs` of performance.now(), or by end(). */
export function waitForEvents(
  { clock, scheduler }: Kernel,
  streams: HostParts['streams'],
  deadlineMs: number,
): EventWait {
  let waitMs = deadlineMs - performance.now();
  const deadlineNs = scheduler.nextDeadlineNs();
  if (deadlineNs !== undefined) {
    // Virtual time jumps, once whoever is outside has had a chance.
    waitMs = clock.virtual ? 0 : Math.min(waitMs, Math.ceil(Number(deadlineNs - clock.nowNs()) / 1e6));
  }
  const { promise, resolve: end } = Promise.withResolvers<void>();
  let timer: NodeJS.Timeout | undefined;
  let immediate: NodeJS.Immediate | undefined;
  if (waitMs <= 0) immediate = setImmediate(end);
  // Without a timer of its own a wait that nothing can end would let Node exit: keep the process alive.
  else timer = setTimeout(end, Math.min(waitMs, MAX_TIMEOUT_MS));
  let isStreamReady = false;
  for (const { kind, stream } of scheduler.streamWaits()) {
    const wake = (): void => {
      isStreamReady = true;
      scheduler.wakeStream(kind, stream);
      end();
    };
    if (kind === 'readable') streams[stream]?.onceReadable(wake);
    else streams[stream]?.onceWritable(wake);
  }
  const ended = promise.then(() => {
    clearTimeout(timer);
    clearImmediate(immediate);
    if (clock.virtual && deadlineNs !== undefined && !isStreamReady) clock.jumpTo(deadlineNs);
    scheduler.expire(clock.nowNs());
  });
  return { ended, end };
}

const sleepCell = new Int32Array(new SharedArrayBuffer(4));

/** A module that cannot be unwound sleeps where it is; it cannot wait for streams. */
export function waitInPlace(kernel: Kernel, waits: readonly { kind: string; deadlineNs?: bigint }[]): boolean {
  const timer = waits.find((wait) => wait.kind === 'timer');
  if (timer?.deadlineNs === undefined) return false;
  if (kernel.clock.virtual) kernel.clock.jumpTo(timer.deadlineNs);
  else {
    const leftMs = Math.ceil(Number(timer.deadlineNs - kernel.clock.nowNs()) / 1e6);
    if (leftMs > 0) Atomics.wait(sleepCell, 0, 0, leftMs);
  }
  return true;
}
