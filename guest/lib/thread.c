// Threads over wasi.thread-spawn. A new thread enters in wasi_thread_start(tid, thread) with the stack pointer of the main
// thread, so the first thing it does, before any code of the compiler, is to set its own.
#include "threads.h"
#include "wvm.h"
#include <limits.h>

#ifdef __wasm_atomics__
#define LOAD(word) __atomic_load_n(word, __ATOMIC_SEQ_CST)
#define STORE(word, value) __atomic_store_n(word, value, __ATOMIC_SEQ_CST)
static void wait_while(uint32_t *word, uint32_t value) { __builtin_wasm_memory_atomic_wait32((int *)word, (int)value, -1); }
static void wake_all(uint32_t *word) { __builtin_wasm_memory_atomic_notify((int *)word, UINT_MAX); }
void __wasm_init_tls(void *memory);
#else
#define LOAD(word) (*(volatile uint32_t *)(word))
#define STORE(word, value) (*(volatile uint32_t *)(word) = (value))
static void wait_while(uint32_t *word, uint32_t value) { wvm_futex(word, 0, value, -1, 0, 0, 0); }
static void wake_all(uint32_t *word) { wvm_futex(word, 1, INT_MAX, 0, 0, 0, 0); }
#endif

__asm__(".globaltype __stack_pointer, i32\n"
        ".functype wvm_thread_main (i32, i32) -> ()\n"
        ".globl wasi_thread_start\n"
        ".type wasi_thread_start,@function\n"
        ".export_name wasi_thread_start, wasi_thread_start\n"
        "wasi_thread_start:\n"
        ".functype wasi_thread_start (i32, i32) -> ()\n"
        "local.get 1\n"
        "i32.load 0\n"
        "global.set __stack_pointer\n"
        "local.get 0\n"
        "local.get 1\n"
        "call wvm_thread_main\n"
        "end_function\n");

static void finish(struct thread *thread, void *result) {
  thread->result = result;
  STORE(&thread->is_running, 0);
  wake_all(&thread->is_running);
}

__attribute__((used)) void wvm_thread_main(int32_t tid, struct thread *thread) {
#ifdef __wasm_atomics__
  __wasm_init_tls(thread->local);
#endif
  thread->tid = tid;
  finish(thread, thread->body(thread->argument));
}

int thread_create(struct thread *thread, void *(*body)(void *argument), void *argument) {
#ifdef __wasm_atomics__
  if (__builtin_wasm_tls_size() > THREAD_LOCAL_SIZE) return -48; // ENOMEM
#endif
  thread->stack_top = thread->stack + sizeof thread->stack;
  thread->body = body;
  thread->argument = argument;
  thread->result = 0;
  STORE(&thread->is_running, 1);
  int32_t tid = wasi_thread_spawn((uint32_t)(uintptr_t)thread);
  if (tid < 0) {
    STORE(&thread->is_running, 0);
    return tid;
  }
  thread->tid = tid;
  return 0;
}

void *thread_join(struct thread *thread) {
  while (LOAD(&thread->is_running)) wait_while(&thread->is_running, 1);
  return thread->result;
}

_Noreturn void thread_exit(struct thread *self, void *result) {
  finish(self, result);
  wasix_thread_exit(0);
}
