// A tiny register machine: br_table dispatch in a loop, the shape of every bytecode interpreter.
#include "bench.h"

enum op { LOAD, ADD, SUB, MUL, XOR, SHIFT, LESS, JUMP_IF, JUMP, STORE, FETCH, HALT };
struct instruction {
  uint8_t op, a, b, c;
};

// r0: rounds left, r1: sum, r2: inner counter, r3: scratch, r4: one, r5: inner limit, r6: memory index.
static const struct instruction program[] = {
    {LOAD, 4, 1, 0},  {LOAD, 5, 100, 0}, {LOAD, 1, 7, 0},       // 0
    {LOAD, 2, 0, 0},                                            // 3: outer
    {MUL, 3, 2, 1},   {XOR, 1, 1, 3},    {SHIFT, 3, 1, 5},      // 4: inner
    {ADD, 1, 1, 3},   {STORE, 2, 1, 0},  {FETCH, 6, 1, 0},      // 7
    {ADD, 1, 1, 6},   {ADD, 2, 2, 4},    {LESS, 3, 2, 5},       // 10
    {JUMP_IF, 3, 4, 0}, {SUB, 0, 0, 4},  {JUMP_IF, 0, 3, 0},    // 13
    {HALT, 1, 0, 0},
};

static uint32_t memory[256];

static NOINLINE uint32_t execute(uint32_t count) {
  uint32_t r[8] = {count};
  for (const struct instruction *pc = program;;) {
    struct instruction i = *pc++;
    switch ((enum op)i.op) {
      case LOAD: r[i.a] = i.b; break;
      case ADD: r[i.a] = r[i.b] + r[i.c]; break;
      case SUB: r[i.a] = r[i.b] - r[i.c]; break;
      case MUL: r[i.a] = r[i.b] * r[i.c]; break;
      case XOR: r[i.a] = r[i.b] ^ r[i.c]; break;
      case SHIFT: r[i.a] = r[i.b] >> i.c; break;
      case LESS: r[i.a] = r[i.b] < r[i.c]; break;
      case JUMP_IF: if (r[i.a]) pc = program + i.b; break;
      case JUMP: pc = program + i.a; break;
      case STORE: memory[r[i.a] & 255] = r[i.b]; break;
      case FETCH: r[i.a] = memory[r[i.b] & 255]; break;
      case HALT: return r[i.a];
    }
  }
}

int main(int argc, char **argv) {
  uint64_t sum = 0;
  for (int i = rounds(argc, argv, 30); i > 0; i--) sum = sum * 31 + execute(5000);
  return checksum(sum);
}
