// Threads over wasi.thread-spawn, for C: lib/thread.c. Each thread brings its own stack and thread-local variables.
//
// - With shared memory, as every WASI host with threads wants it: compile with THREAD_FLAGS of guest/manifest.ts; Debian's libc has
//   not been built for that, so such a program is linked without it (lib/bare.c has the few functions that it needs).
// - With the memory of a usual program, wvm alone: threads of wvm take turns. wasi-libc's malloc and errno do not know of threads.
#ifndef THREADS_H
#define THREADS_H

#include <stdint.h>

enum { THREAD_STACK_SIZE = 16384, THREAD_LOCAL_SIZE = 256 };

// Stays in place until the thread has been joined.
struct thread {
  // Where the stack begins; the assembly entry reads it.
  char *stack_top;
  void *(*body)(void *argument);
  void *argument;
  void *result;
  int32_t tid;
  // 1 until the thread has ended: what join waits on.
  uint32_t is_running;
  _Alignas(16) char local[THREAD_LOCAL_SIZE];
  _Alignas(16) char stack[THREAD_STACK_SIZE];
};

// 0, or minus an errno of WASI.
int thread_create(struct thread *thread, void *(*body)(void *argument), void *argument);
void *thread_join(struct thread *thread);
_Noreturn void thread_exit(struct thread *self, void *result);

#endif
