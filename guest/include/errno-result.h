// Errnos of WASI are those of wasi-libc; a system call of POSIX returns -1 and sets errno.
#ifndef ERRNO_RESULT_H
#define ERRNO_RESULT_H

#include <errno.h>

static inline int errno_result(int error) {
  if (error == 0) return 0;
  errno = error;
  return -1;
}

#endif
