// Malloc churn: blocks of many sizes, filled, checked, resized and freed in a pseudo-random order; the heap grows.
#include "report.h"
#include <string.h>

enum { SLOTS = 24, ROUNDS = 130 };

static unsigned seed = 7;
static unsigned next(void) { return (seed = seed * 1103515245u + 12345u) >> 16; }

struct block {
  unsigned char *bytes;
  unsigned size;
  unsigned char fill;
};

static void checkBlock(const struct block *block) {
  if (block->size == 0) return;
  CHECK(block->bytes[0] == block->fill);
  CHECK(block->bytes[block->size / 2] == block->fill);
  CHECK(block->bytes[block->size - 1] == block->fill);
}

int main(void) {
  struct block slots[SLOTS] = {{0}};
  unsigned long long requested = 0;
  for (int round = 0; round < ROUNDS; round++) {
    struct block *block = &slots[next() % SLOTS];
    checkBlock(block);
    unsigned size = round % 50 == 49 ? 70000 : 1 + next() % 90;
    switch (next() % 3) {
      case 0:
        free(block->bytes);
        *block = (struct block){0};
        continue;
      case 1:
        block->bytes = realloc(block->bytes, size);
        break;
      default:
        free(block->bytes);
        block->bytes = calloc(1, size);
        CHECK(block->bytes && block->bytes[size - 1] == 0);
    }
    CHECK(block->bytes);
    block->size = size;
    block->fill = (unsigned char)next();
    __builtin_memset(block->bytes, block->fill, size < 100 ? size : 1);
    block->bytes[size / 2] = block->bytes[size - 1] = block->fill;
    requested += size;
  }
  unsigned live = 0;
  for (int i = 0; i < SLOTS; i++) {
    checkBlock(&slots[i]);
    live += slots[i].size;
    free(slots[i].bytes);
  }
  say_number("requested", (int64_t)requested);
  say_number("live", live);
  return pass();
}
