// The runtime behind clang's -mllvm -wasm-enable-sjlj, which turns setjmp into a try/catch of the tag __c_longjmp in the
// function that calls it. It must be a file of its own: the compiler declares these functions itself wherever it
// lowers a setjmp, and gives up their names to a definition in the same file.
//
// The compiler's contract: __wasm_setjmp notes which invocation (func) and which call site (label > 0) armed the buffer;
// __wasm_setjmp_test tells a catching function whether the jump is for it (its label) or for a caller (0); longjmp
// throws the address of {buffer, value}.
#include "setjmp.h"

enum { LONGJMP_TAG = 1 };

void __wasm_setjmp(struct jump_buffer *buffer, unsigned label, void *func) {
  buffer->func = func;
  buffer->label = label;
}

unsigned __wasm_setjmp_test(const struct jump_buffer *buffer, const void *func) {
  return buffer->func == func ? buffer->label : 0;
}

void __wasm_longjmp(struct jump_buffer *buffer, int value) {
  buffer->arguments.buffer = buffer;
  buffer->arguments.value = value ? value : 1;
  __builtin_wasm_throw(LONGJMP_TAG, &buffer->arguments);
}
