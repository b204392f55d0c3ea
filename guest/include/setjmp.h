// setjmp and longjmp for a libc that has none; lib/setjmp.c is their runtime. Compile with -mllvm -wasm-enable-sjlj.
#ifndef SETJMP_H
#define SETJMP_H

struct jump_buffer {
  void *func;
  unsigned label;
  struct jump_arguments {
    void *buffer;
    int value;
  } arguments;
};

typedef struct jump_buffer jmp_buf[1];

int setjmp(jmp_buf buffer) __attribute__((returns_twice));
_Noreturn void longjmp(jmp_buf buffer, int value);

#endif
