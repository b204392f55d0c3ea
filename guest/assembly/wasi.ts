// The few WASI calls an AssemblyScript guest needs, declared by hand: wasi-shim packages follow the compiler too late.

@external("wasi_snapshot_preview1", "fd_write")
declare function fd_write(fd: i32, iovecs: usize, count: i32, written: usize): i32;
@external("wasi_snapshot_preview1", "proc_exit")
declare function proc_exit(code: i32): void;

/** Writes one line to standard output. */
export function say(text: string): void {
  const bytes = String.UTF8.encode(text + "\n");
  const iovec = memory.data(16);
  store<usize>(iovec, changetype<usize>(bytes));
  store<i32>(iovec, bytes.byteLength, 4);
  if (fd_write(1, iovec, 1, iovec + 8) != 0) proc_exit(2);
}

/** What a failed assertion or an index out of range calls. */
export function abort(message: string | null, file: string | null, line: u32, column: u32): void {
  say("abort: " + (message ? message : "") + " at " + (file ? file : "") + ":" + line.toString() + ":" + column.toString());
  proc_exit(134);
}
