// Allocation, pointer chasing and a callback per node: lists built, mapped, reversed and freed.
#include "bench.h"

struct node {
  struct node *next;
  uint32_t value;
};

static NOINLINE uint32_t mix(uint32_t value) { return value * 2654435761u ^ value >> 7; }
static NOINLINE uint32_t halve(uint32_t value) { return value >> 1; }

static NOINLINE void map(struct node *list, uint32_t (*change)(uint32_t)) {
  for (; list; list = list->next) list->value = change(list->value);
}

int main(int argc, char **argv) {
  uint64_t sum = 0;
  for (int i = rounds(argc, argv, 1600); i > 0; i--) {
    struct node *list = NULL;
    for (uint32_t k = 0; k < 5000; k++) {
      struct node *node = malloc(sizeof *node);
      CHECK(node);
      *node = (struct node){list, k + (uint32_t)i};
      list = node;
    }
    map(list, mix);
    map(list, i & 1 ? halve : mix);
    struct node *reversed = NULL;
    while (list) {
      struct node *next = list->next;
      list->next = reversed;
      reversed = list;
      list = next;
    }
    while (reversed) {
      struct node *next = reversed->next;
      sum = sum * 31 + reversed->value;
      free(reversed);
      reversed = next;
    }
  }
  return checksum(sum);
}
