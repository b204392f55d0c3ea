// Comparators called through the table: the library's qsort and bsearch, and a quicksort of our own.
#include "report.h"

struct item {
  int key;
  int serial;
};

static int comparisons;
static unsigned seed = 12345;
static unsigned next(void) { return (seed = seed * 1664525u + 1013904223u) >> 8; }

static int byKey(const void *a, const void *b) {
  const struct item *left = a, *right = b;
  comparisons++;
  return left->key != right->key ? (left->key > right->key) - (left->key < right->key) : left->serial - right->serial;
}

static int backwards(const void *a, const void *b) { return byKey(b, a); }

static NOINLINE void quicksort(struct item *items, int low, int high, int (*compare)(const void *, const void *)) {
  while (low < high) {
    struct item pivot = items[(low + high) / 2];
    int i = low, j = high;
    while (i <= j) {
      while (compare(&items[i], &pivot) < 0) i++;
      while (compare(&items[j], &pivot) > 0) j--;
      if (i <= j) {
        struct item swap = items[i];
        items[i++] = items[j];
        items[j--] = swap;
      }
    }
    quicksort(items, low, j, compare);
    low = i;
  }
}

static void checkOrder(const struct item *items, int count, int direction) {
  for (int i = 1; i < count; i++) CHECK(direction * byKey(&items[i - 1], &items[i]) < 0);
}

int main(void) {
  enum { COUNT = 40 };
  struct item items[COUNT];
  for (int i = 0; i < COUNT; i++) items[i] = (struct item){(int)(next() % 25), i};
  int (*compare)(const void *, const void *) = seed & 1 ? byKey : backwards;
  quicksort(items, 0, COUNT - 1, compare);
  checkOrder(items, COUNT, compare == byKey ? 1 : -1);
  say_number("comparisons", comparisons);
  qsort(items, COUNT, sizeof items[0], compare == byKey ? backwards : byKey);
  checkOrder(items, COUNT, compare == byKey ? -1 : 1);
  qsort(items, COUNT, sizeof items[0], byKey);
  struct item key = items[17];
  struct item *found = bsearch(&key, items, COUNT, sizeof items[0], byKey);
  CHECK(found == &items[17]);
  say_number("first", items[0].key);
  say_number("last", items[COUNT - 1].key);
  say_number("comparisons", comparisons);
  return pass();
}
