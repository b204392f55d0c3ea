// Our own mix of what small embedded programs do, in the proportions processor benchmarks like: linked lists sorted and
// searched, a small matrix, a state machine over text, and a CRC over every result. argv[1]: thousands of rounds (2).
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

static uint16_t crc(uint16_t value, uint32_t data) {
  for (int bit = 0; bit < 32; bit++, data >>= 1) {
    unsigned mix = (value ^ data) & 1;
    value >>= 1;
    if (mix) value ^= 0xa001;
  }
  return value;
}

struct node {
  struct node *next;
  int16_t key, rank;
};
enum { NODES = 120, SIZE = 12 };
static struct node nodes[NODES];
static int16_t a[SIZE][SIZE], b[SIZE][SIZE];
static int32_t c[SIZE][SIZE];

static int byKey(const struct node *x, const struct node *y) { return x->key - y->key; }
static int byRank(const struct node *x, const struct node *y) { return x->rank - y->rank; }

static struct node *sort(struct node *list, int (*compare)(const struct node *, const struct node *)) {
  for (int width = 1;; width *= 2) {
    struct node *rest = list, *head = NULL, **tail = &head;
    int merges = 0;
    while (rest) {
      merges++;
      struct node *left = rest, *right = rest;
      int leftCount = 0, rightCount = width;
      while (leftCount < width && right) leftCount++, right = right->next;
      while (leftCount > 0 || (rightCount > 0 && right)) {
        int takeLeft = leftCount > 0 && (rightCount == 0 || !right || compare(left, right) <= 0);
        struct node *taken = takeLeft ? left : right;
        if (takeLeft) left = left->next, leftCount--;
        else right = right->next, rightCount--;
        *tail = taken;
        tail = &taken->next;
      }
      rest = right;
    }
    *tail = NULL;
    list = head;
    if (merges <= 1) return list;
  }
}

static uint16_t lists(uint16_t seed) {
  for (int i = 0; i < NODES; i++) {
    seed = (uint16_t)(seed * 25173 + 13849);
    nodes[i] = (struct node){i + 1 < NODES ? &nodes[i + 1] : NULL, (int16_t)(seed & 0x3ff), (int16_t)i};
  }
  struct node *list = sort(nodes, byKey);
  uint16_t value = seed;
  for (struct node *node = list; node; node = node->next) value = crc(value, (uint32_t)node->key << 16 | (uint16_t)node->rank);
  list = sort(list, byRank);
  for (int wanted = 0; wanted < 16; wanted++) {
    struct node *node = list;
    while (node && (node->key & 15) != wanted) node = node->next;
    value = crc(value, node ? (uint32_t)node->rank : 0xffff);
  }
  return value;
}

static uint16_t matrix(uint16_t seed) {
  for (int i = 0; i < SIZE; i++)
    for (int j = 0; j < SIZE; j++) a[i][j] = (int16_t)(seed + i * j), b[i][j] = (int16_t)(seed ^ (i + j));
  uint16_t value = seed;
  for (int i = 0; i < SIZE; i++)
    for (int j = 0; j < SIZE; j++) {
      int32_t sum = 0;
      for (int k = 0; k < SIZE; k++) sum += a[i][k] * b[k][j];
      c[i][j] = sum;
      if ((j & 3) == 3) value = crc(value, (uint32_t)sum);
    }
  return value;
}

static uint16_t text(uint16_t seed) {
  static const char *const pieces[] = {"5012", "-874", "+122", "35.54400", ".1234500", "-110.700", "+0.64400",
                                       "5.500e+3", "-.123e-2", "-87e+832", "+0.6e-12", "T0.3e-1F", "-T.T++Tq", "1T3.4e4z"};
  enum { START, SIGN, INTEGER, POINT, EXPONENT, POWER, INVALID, STATES } state;
  uint32_t counts[STATES] = {0};
  for (int i = 0; i < 40; i++) {
    seed = (uint16_t)(seed * 25173 + 13849);
    state = START;
    for (const char *p = pieces[(seed >> 4) % 14]; *p && state != INVALID; p++) {
      int digit = *p >= '0' && *p <= '9';
      switch (state) {
        case START: state = digit ? INTEGER : *p == '+' || *p == '-' ? SIGN : *p == '.' ? POINT : INVALID; break;
        case SIGN: state = digit ? INTEGER : *p == '.' ? POINT : INVALID; break;
        case INTEGER: state = digit ? INTEGER : *p == '.' ? POINT : *p == 'e' ? EXPONENT : INVALID; break;
        case POINT: state = digit ? POINT : *p == 'e' ? EXPONENT : INVALID; break;
        case EXPONENT: state = digit || *p == '+' || *p == '-' ? POWER : INVALID; break;
        case POWER: state = digit ? POWER : INVALID; break;
        default: break;
      }
      counts[state]++;
    }
  }
  for (int i = 0; i < STATES; i++) seed = crc(seed, counts[i]);
  return seed;
}

int main(int argc, char **argv) {
  int rounds = 1000 * (argc > 1 ? atoi(argv[1]) : 2);
  uint16_t value = 0xffff;
  for (int round = 0; round < rounds; round++) {
    value = lists(value);
    value = matrix(value);
    value = text(value);
    if (round % 1000 == 999) printf("round %d: %04x\n", round + 1, value);
  }
  puts("PASS");
  return 0;
}
