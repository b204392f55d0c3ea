// What a program with shared memory has instead of wasi-libc, which was not built for that: an entry, and what report.h needs.
// Link with -nostdlib.
#include <stddef.h>
#include <stdint.h>

struct piece {
  const void *bytes;
  size_t size;
};

__attribute__((import_module("wasi_snapshot_preview1"), import_name("fd_write"))) int wasi_fd_write(int fd,
                                                                                                 const struct piece *pieces,
                                                                                                 size_t count,
                                                                                                 size_t *written);
__attribute__((import_module("wasi_snapshot_preview1"), import_name("proc_exit"))) _Noreturn void wasi_proc_exit(int status);

int main(void);

void _start(void) {
  int status = main();
  if (status != 0) wasi_proc_exit(status);
}

long write(int fd, const void *bytes, size_t size) {
  size_t written = 0;
  struct piece piece = {bytes, size};
  return wasi_fd_write(fd, &piece, 1, &written) == 0 ? (long)written : -1;
}

_Noreturn void _exit(int status) { wasi_proc_exit(status); }
