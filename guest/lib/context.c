// Contexts over wasix_32v1.context_*. A context begins with the stack pointer of who switches to it first, and a switch leaves the
// pointer as it is. So whoever switches lets the new context find itself where the pointer points to, and puts its own back when the
// switch returns.
#include "context.h"
#include "wvm.h"

void wvm_context_start(void);

__asm__(".globaltype __stack_pointer, i32\n"
        ".functype wvm_context_main (i32) -> ()\n"
        ".functype wasix_context_switch (i64) -> (i32)\n"
        ".import_module wasix_context_switch, wasix_32v1\n"
        ".import_name wasix_context_switch, context_switch\n"
        ".globl wvm_context_start\n"
        ".type wvm_context_start,@function\n"
        "wvm_context_start:\n"
        ".functype wvm_context_start () -> ()\n"
        ".local i32\n"
        "global.get __stack_pointer\n"
        "i32.load 0\n"
        "local.tee 0\n"
        "i32.load 0\n"
        "global.set __stack_pointer\n"
        "local.get 0\n"
        "call wvm_context_main\n"
        "end_function\n"
        ".globl wvm_context_enter\n"
        ".type wvm_context_enter,@function\n"
        "wvm_context_enter:\n"
        ".functype wvm_context_enter (i64, i32) -> (i32)\n"
        ".local i32, i32\n"
        "global.get __stack_pointer\n"
        "local.tee 2\n"
        "i32.const 16\n"
        "i32.sub\n"
        "local.tee 3\n"
        "global.set __stack_pointer\n"
        "local.get 3\n"
        "local.get 1\n"
        "i32.store 0\n"
        "local.get 0\n"
        "call wasix_context_switch\n"
        "local.get 2\n"
        "global.set __stack_pointer\n"
        "end_function\n");

int32_t wvm_context_enter(uint64_t id, struct context *context);

__attribute__((used)) void wvm_context_main(struct context *context) {
  context->body(context->argument);
  __builtin_trap();
}

int context_create(struct context *context, void (*body)(void *argument), void *argument) {
  context->stack_top = context->stack + sizeof context->stack;
  context->body = body;
  context->argument = argument;
  return -wasix_context_create(&context->id, (uint32_t)(uintptr_t)wvm_context_start);
}

int context_switch(struct context *context) { return -wvm_context_enter(context ? context->id : 0, context); }

int context_destroy(struct context *context) { return -wasix_context_destroy(context->id); }
