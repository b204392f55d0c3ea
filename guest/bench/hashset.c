// One huge function with hundreds of call sites and many values live across them: what inlining a C++ container into
// main gives. The worst shape for code that saves live values at every call.
#include "bench.h"
#include <string.h>

enum { SLOTS = 1 << 14, SETS = 8 };

struct set {
  uint32_t *slots;
  uint32_t used, probes;
};

static NOINLINE int insert(struct set *set, uint32_t key) {
  uint32_t at = key * 2654435761u >> 18;
  while (set->slots[at] != 0 && set->slots[at] != key) at = (at + 1) & (SLOTS - 1), set->probes++;
  if (set->slots[at] == key) return 0;
  set->slots[at] = key;
  set->used++;
  return 1;
}
static NOINLINE int contains(struct set *set, uint32_t key) {
  uint32_t at = key * 2654435761u >> 18;
  while (set->slots[at] != 0 && set->slots[at] != key) at = (at + 1) & (SLOTS - 1);
  return set->slots[at] == key;
}
static NOINLINE void clear(struct set *set) {
  memset(set->slots, 0, SLOTS * sizeof set->slots[0]);
  set->used = 0;
}

// One of 64 different stages; each reads and changes values that live across all the others.
#define STAGE(n)                                                                       \
  {                                                                                    \
    uint32_t key = (a##n = a##n * 1664525u + (uint32_t)(n) * 77u + 1013904223u) >> 17 | 1; \
    inserted += insert(&sets[(n) % SETS], key);                                        \
    if (contains(&sets[((n) + 3) % SETS], key ^ ((n) * 2u)))                           \
      found += insert(&sets[((n) + 5) % SETS], key >> 1 | 1);                          \
    else                                                                               \
      missed += contains(&sets[((n) + 1) % SETS], key + 2);                            \
    if (sets[(n) % SETS].used > SLOTS * 3 / 4) clear(&sets[(n) % SETS]), cleared++;    \
    weight = weight * 0.75 + (double)(inserted ^ (uint32_t)found);                     \
  }
#define ROW(X, n) X(n##0) X(n##1) X(n##2) X(n##3) X(n##4) X(n##5) X(n##6) X(n##7)
#define STAGES(X) ROW(X, 1) ROW(X, 2) ROW(X, 3) ROW(X, 4) ROW(X, 5) ROW(X, 6) ROW(X, 7) ROW(X, 8)
#define SEED(n) uint32_t a##n = n;
#define FOLD(n) sum = sum * 31 + a##n;

int main(int argc, char **argv) {
  struct set sets[SETS];
  for (int i = 0; i < SETS; i++) sets[i] = (struct set){calloc(SLOTS, sizeof(uint32_t)), 0, 0};
  STAGES(SEED)
  uint32_t inserted = 0, cleared = 0;
  uint64_t found = 0, missed = 0, sum = 0;
  double weight = 0;
  for (int i = rounds(argc, argv, 100000); i > 0; i--) {
    STAGES(STAGE)
  }
  STAGES(FOLD)
  for (int i = 0; i < SETS; i++) sum = sum * 31 + sets[i].used + sets[i].probes;
  return checksum(sum + inserted * 3ull + found * 5 + missed * 7 + cleared * 11 + bits_of(weight));
}
