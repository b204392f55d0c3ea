// Stacks that a thread switches between by itself: generators that stand deep in calls, one that handles a signal and one that is left
// from inside of a handler, one that has jumped; what must be refused; what a forked child has.
#include "context.h"
#include "posix.h"
#include "report.h"
#include "signal.h"
#include "wvm.h"
#include <errno.h>

enum { WALKERS = 3, DEPTH = 4 };

struct walker {
  struct context context;
  int number;
  int64_t value;
  int is_done;
};

static struct walker walkers[WALKERS];
static struct context other, third;
static int handled, jumps;
static struct wasix_stack_snapshot point;

// Visits a binary tree, with something on every frame that must still be there.
static NOINLINE void walk(struct walker *self, int depth, int64_t path) {
  volatile int64_t mine[4] = {path, path * 3, depth, self->number};
  if (depth > 0) walk(self, depth - 1, path * 2);
  self->value = mine[0] * 10 + mine[3];
  CHECK(context_switch(0) == 0);
  CHECK(mine[1] == mine[0] * 3 && mine[2] == depth);
  if (depth > 0) walk(self, depth - 1, path * 2 + 1);
}

static void walk_all(void *argument) {
  struct walker *self = argument;
  walk(self, DEPTH, 1 + self->number);
  self->is_done = 1;
  for (;;) context_switch(0);
}

static int64_t walk_together(void) {
  int64_t sum = 0;
  for (int i = 0; i < WALKERS; i++) {
    walkers[i].number = i;
    CHECK(context_create(&walkers[i].context, walk_all, &walkers[i]) == 0);
    CHECK(i == 0 || walkers[i].context.id > walkers[i - 1].context.id);
  }
  for (int live = WALKERS; live > 0;) {
    live = 0;
    for (int i = 0; i < WALKERS; i++) {
      if (walkers[i].is_done) continue;
      CHECK(context_switch(&walkers[i].context) == 0);
      if (walkers[i].is_done) continue;
      live++;
      sum = (sum * 31 + walkers[i].value) % 1000003;
    }
  }
  for (int i = 0; i < WALKERS; i++) CHECK(context_destroy(&walkers[i].context) == 0);
  return sum;
}

static void refused(void *argument) {
  int32_t pid;
  (void)argument;
  CHECK(wasix_context_destroy(other.id) == EINVAL);
  CHECK(wasix_context_destroy(0) == EINVAL);
  CHECK(context_switch(&other) == 0);
  CHECK(wasix_proc_fork(1, (uint32_t *)&pid) == ENOTSUP);
  // From one context to another, and from there to the first.
  CHECK(context_switch(&third) == 0);
  CHECK(0);
}

static void last(void *argument) {
  *(int *)argument += 1;
  CHECK(context_destroy(&other) == 0);
  CHECK(context_destroy(&other) == 0);
  CHECK(wasix_context_switch(other.id) == EINVAL);
  for (;;) context_switch(0);
}

static void on_signal(int number) {
  (void)number;
  handled++;
  // The second time the handler is left, and returns when the context goes on.
  if (handled == 2) CHECK(context_switch(0) == 0);
  handled += 10;
}

static void signalled(void *argument) {
  (void)argument;
  CHECK(raise(SIGUSR1) == 0);
  CHECK(handled == 11);
  handled = 1;
  CHECK(raise(SIGUSR1) == 0);
  CHECK(handled == 12);
  for (;;) context_switch(0);
}

static NOINLINE void jump(int depth) {
  if (depth > 0) jump(depth - 1);
  jumps++;
  wasix_stack_restore(&point, (uint64_t)(uint32_t)jumps);
}

static void jumping(void *argument) {
  (void)argument;
  uint64_t value;
  CHECK(wasix_stack_checkpoint(&point, &value) == 0);
  CHECK((int)value == jumps);
  CHECK(context_switch(0) == 0);
  if (value < 2) jump(3);
  for (;;) context_switch(0);
}

static int child(void) {
  // The parent's contexts are not the child's.
  if (context_switch(&third) != -EINVAL) return 1;
  struct context *mine = &other;
  int count = 0;
  if (context_create(mine, last, &count) != 0 || mine->id != 1) return 2;
  return 0;
}

int main(void) {
  uint64_t id = 0;
  int count = 0, status = 0;
  CHECK(wasix_context_create(&id, 0) == EINVAL);
  CHECK(wasix_context_create(&id, 1u << 30) == EINVAL);
  CHECK(wasix_context_create(&id, (uint32_t)(uintptr_t)walk_all) == EINVAL);
  CHECK(context_switch(0) == 0);
  CHECK(wasix_context_switch(1) == EINVAL);
  CHECK(wasix_context_destroy(1) == 0);
  say_number("walked", walk_together());

  CHECK(context_create(&other, refused, 0) == 0);
  CHECK(context_create(&third, last, &count) == 0);
  CHECK(context_switch(&other) == 0);
  CHECK(count == 1);

  int pid = fork();
  CHECK(pid >= 0);
  if (pid == 0) _exit(child());
  CHECK(waitpid(pid, &status, 0) == pid && status == 0);

  CHECK(signal(SIGUSR1, on_signal) != SIG_ERR);
  CHECK(context_create(&other, signalled, 0) == 0);
  CHECK(context_switch(&other) == 0);
  CHECK(handled == 2);
  CHECK(context_switch(&other) == 0);
  CHECK(handled == 12);
  CHECK(context_destroy(&other) == 0);

  CHECK(context_create(&other, jumping, 0) == 0);
  for (int i = 0; i < 3; i++) CHECK(context_switch(&other) == 0);
  CHECK(jumps == 2);
  say_number("contexts", (int64_t)other.id);
  return pass();
}
