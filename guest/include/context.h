// Contexts (fibers) for C, over WASIX's context_*: lib/context.c. A thread switches between stacks of its own; each has a stack in
// memory, too, which the host does not give it.
#ifndef CONTEXT_H
#define CONTEXT_H

#include <stdint.h>

enum { CONTEXT_STACK_SIZE = 8192 };

// Stays in place until it has been destroyed.
struct context {
  // Where the stack begins; the assembly entry reads it.
  char *stack_top;
  void (*body)(void *argument);
  void *argument;
  uint64_t id;
  _Alignas(16) char stack[CONTEXT_STACK_SIZE];
};

// 0, or minus an errno of WASI. `body` must not return.
int context_create(struct context *context, void (*body)(void *argument), void *argument);
// Goes on with `context`, or with the one that the thread began with (0); returns when somebody switches back.
int context_switch(struct context *context);
int context_destroy(struct context *context);

#endif
