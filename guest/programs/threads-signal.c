// Signals that come while a thread waits for a futex: the handler runs in that thread, and the wait ends with EINTR, or goes on
// afterwards, by SA_RESTART or because it is one that cannot be interrupted.
#include "locks.h"
#include "report.h"
#include "threads.h"
#include "wvm.h"

enum { SIGUSR1_ = 10, SIGUSR2_ = 12, SA_RESTART_ = 0x10000000 };
static struct thread thread;
static uint32_t word, lock, tid, handled, handled_by, release;

__attribute__((export_name("__wvm_signal"))) void on_signal(int32_t signal, int32_t handler, int32_t flags, int32_t code,
                                                            int32_t pid, int32_t value) {
  (void)handler, (void)flags, (void)code, (void)pid, (void)value;
  handled_by = thread_self();
  // While it waits here the thread is in no queue.
  if (signal == SIGUSR2_)
    while (!__atomic_load_n(&release, __ATOMIC_SEQ_CST)) wvm_futex(&release, FUTEX_WAIT, 0, -1, 0, 0, 0);
  __atomic_add_fetch(&handled, 1, __ATOMIC_SEQ_CST);
}

static void *wait_plainly(void *argument) {
  tid = thread_self();
  return (void *)(uintptr_t)(unsigned)wvm_futex(&word, FUTEX_WAIT, 0, (intptr_t)argument, 0, 0, 0);
}

static void *wait_by_instruction(void *argument) {
  (void)argument;
  tid = thread_self();
  return (void *)(uintptr_t)(unsigned)__builtin_wasm_memory_atomic_wait32((int *)&word, 0, -1);
}

static void *wait_for_lock(void *argument) {
  (void)argument;
  tid = thread_self();
  int error = pi_lock(&lock, -1);
  if (error == 0) pi_unlock(&lock);
  return (void *)(uintptr_t)(unsigned)error;
}

// The thread waits, and `signal` has been sent to it.
static void interrupt(void *(*body)(void *), intptr_t timeout_ns, int signal, uint32_t flags) {
  CHECK(wvm_sigaction((uint32_t)signal, 2, 0, flags, 0) == 0);
  word = handled = handled_by = release = tid = 0;
  CHECK(thread_create(&thread, body, (void *)timeout_ns) == 0);
  while (!__atomic_load_n(&tid, __ATOMIC_SEQ_CST)) yield();
  yield();
  CHECK(wvm_tgkill(1, tid, (uint32_t)signal) == 0);
  yield();
  yield();
}

static uint32_t wake(uint32_t *addr) {
  uint32_t count = 99;
  CHECK(wvm_futex(addr, FUTEX_WAKE, 1, 0, 0, 0, &count) == 0);
  return count;
}

static int end(void) {
  int result = (int)(uintptr_t)thread_join(&thread);
  CHECK(handled == 1);
  CHECK(handled_by == tid);
  return result;
}

int main(void) {
  say("interrupted");
  interrupt(wait_plainly, -1, SIGUSR1_, 0);
  CHECK(end() == LOCK_EINTR);

  say("goes on");
  interrupt(wait_plainly, -1, SIGUSR1_, SA_RESTART_);
  CHECK(handled == 1 && wake(&word) == 1);
  CHECK(end() == 0);

  say("woken while the handler runs");
  interrupt(wait_plainly, -1, SIGUSR2_, SA_RESTART_);
  CHECK(handled == 0 && wake(&word) == 0);
  word = 1;
  __atomic_store_n(&release, 1, __ATOMIC_SEQ_CST);
  CHECK(wake(&release) == 1);
  CHECK(end() == LOCK_EAGAIN);

  say("still for its time");
  interrupt(wait_plainly, 20000000, SIGUSR1_, SA_RESTART_);
  CHECK(end() == LOCK_ETIMEDOUT);

  say("an instruction");
  interrupt(wait_by_instruction, 0, SIGUSR1_, 0);
  CHECK(handled == 1 && wake(&word) == 1);
  CHECK(end() == 0);

  say("a lock");
  CHECK(pi_lock(&lock, -1) == 0);
  interrupt(wait_for_lock, 0, SIGUSR1_, 0);
  CHECK(handled == 1);
  CHECK(pi_unlock(&lock) == 0);
  CHECK(end() == 0);
  return pass();
}
