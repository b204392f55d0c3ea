// Who has made a temporary file or a lease, written into its name: HOST-BOOT-PID-START-RANDOM. So anybody can tell whether
// that process still lives: its pid may belong to another one by now, which began at another time, or the machine
// may have been started anew.

import { createHash, randomBytes } from 'node:crypto';
import { readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';

/** A name that only this process has made, and makes once. */
export function newOwnerName(): string {
  return `${ownTag()}-${randomBytes(6).toString('hex')}`;
}

/** 'foreign': made on another host or in another container, where nobody here can look. */
export function ownerState(name: string): 'alive' | 'dead' | 'foreign' | undefined {
  const match = /([0-9a-f]{8})-([0-9a-f]{8})-([0-9]+)-([0-9]+)-[0-9a-f]{12}$/.exec(name);
  if (match === null) return undefined;
  const [, host, boot, pid, start] = match;
  const own = hostTags();
  if (host !== own.host) return 'foreign';
  if (boot !== own.boot) return 'dead';
  return startOf(Number(pid)) === start ? 'alive' : 'dead';
}

let tags: { host: string; boot: string } | undefined;
let ownStart: string | undefined;

function ownTag(): string {
  const { host, boot } = hostTags();
  ownStart ??= startOf(process.pid) ?? '0';
  return `${host}-${boot}-${process.pid}-${ownStart}`;
}

/** The pid namespace is a part of the host: the same pid means another process in another container. */
function hostTags(): { host: string; boot: string } {
  tags ??= {
    host: shortHash(`${hostname()} ${valueOr('', () => readlinkSync('/proc/self/ns/pid'))}`),
    boot: shortHash(valueOr('', () => readFileSync('/proc/sys/kernel/random/boot_id', 'utf8'))),
  };
  return tags;
}

function shortHash(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 8);
}

/** When a process began, in ticks of the kernel; 0 where that cannot be told, undefined if there is no such process. */
function startOf(pid: number): string | undefined {
  try {
    process.kill(pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return undefined;
  }
  const stat = valueOr('', () => readFileSync(`/proc/${pid}/stat`, 'utf8'));
  // The name of the program, in parentheses, may hold anything; the start is the 20th field after it.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  // A zombie holds no files any more.
  if (fields[0] === 'Z') return undefined;
  return fields[19] ?? '0';
}

function valueOr<Value>(fallback: Value, get: () => Value): Value {
  try {
    return get();
  } catch {
    return fallback;
  }
}
