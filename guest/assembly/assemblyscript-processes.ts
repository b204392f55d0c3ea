// Processes of a managed language: a child computes over a pipe, another is killed, a signal runs a handler.
import { say } from './wasi';
import { close, exec, exit, fork, getpid, getppid, kill, onSignal, pipe, Pipe, read, SIGTERM, SIGUSR1, waitpid, write } from './wvm';

export { __wvm_signal } from './wvm';

let signals = 0;

function squares(to: i32): void {
  const text = new Array<string>();
  for (let i = 1; i <= 5; i++) text.push((i * i).toString());
  assert(getppid() == 1);
  write(to, String.UTF8.encode(text.join(' ')));
  kill(1, SIGUSR1);
  exit(5);
}

function readAll(fd: i32): string {
  const buffer = new ArrayBuffer(64);
  let text = '';
  for (let count = 0; (count = read(fd, buffer)) > 0; ) text += String.UTF8.decode(buffer.slice(0, count));
  return text;
}

export function _start(): void {
  assert(getpid() == 1);
  assert(onSignal(SIGUSR1, (signal: i32) => { signals += signal; }) == 0);
  const ends = pipe() as Pipe;
  const child = fork();
  if (child == 0) {
    close(ends.readEnd);
    squares(ends.writeEnd);
  }
  close(ends.writeEnd);
  say(readAll(ends.readEnd));
  const waited = waitpid(child);
  assert(waited.pid == child && waited.hasExited && waited.exitCode == 5);
  assert(signals == SIGUSR1);

  const never = pipe() as Pipe;
  const waiting = fork();
  if (waiting == 0) {
    read(never.readEnd, new ArrayBuffer(1));
    exit(0);
  }
  assert(kill(waiting, SIGTERM) == 0);
  assert(waitpid().signal == SIGTERM);
  assert(waitpid().pid == -12); // ECHILD
  assert(exec('no-such-program', ['a', 'b']) == -44); // ENOENT
  say('PASS');
}
