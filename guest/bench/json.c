// A recursive descent JSON reader over a generated document: recursion, a switch per character, string scanning.
#include "bench.h"

enum { SIZE = 200000 };
static char text[SIZE + 100];
static const char *at;
static uint64_t hash;
static int depth, deepest;

static void value(void);

static void blank(void) {
  while (*at == ' ' || *at == '\n') at++;
}
static NOINLINE void string(void) {
  for (at++; *at != '"'; at++) {
    if (*at == '\\') at++;
    hash = (hash ^ (unsigned char)*at) * 1099511628211u;
  }
  at++;
}
static NOINLINE void number(void) {
  double result = 0, scale = 1;
  int negative = *at == '-';
  if (negative) at++;
  for (; *at >= '0' && *at <= '9'; at++) result = result * 10 + (*at - '0');
  if (*at == '.')
    for (at++; *at >= '0' && *at <= '9'; at++) result += (*at - '0') * (scale /= 10);
  hash += (uint64_t)(int64_t)((negative ? -result : result) * 1000);
}
static NOINLINE void list(char end, int pairs) {
  if (++depth > deepest) deepest = depth;
  at++;
  for (blank(); *at != end; blank()) {
    if (pairs) {
      string();
      blank();
      CHECK(*at == ':');
      at++;
    }
    value();
    blank();
    if (*at == ',') at++;
    blank();
  }
  at++;
  depth--;
}
static NOINLINE void value(void) {
  blank();
  switch (*at) {
    case '{': list('}', 1); break;
    case '[': list(']', 0); break;
    case '"': string(); break;
    case 't': at += 4; hash++; break;
    case 'f': at += 5; hash += 2; break;
    case 'n': at += 4; hash += 3; break;
    default: number();
  }
}

static char *out = text;
static uint32_t seed = 2024;
static void put(const char *piece) {
  while (*piece) *out++ = *piece++;
}
static void generate(int level) {
  uint32_t kind = next_random(&seed) % (level > 7 ? 4 : 6);
  uint32_t count = 2 + next_random(&seed) % 6;
  if (level == 0) kind = 5, count = 100000;
  switch (kind) {
    case 0: put("true"); break;
    case 1: put(count & 1 ? "null" : "false"); break;
    case 2:
      if (count & 1) put("-");
      for (uint32_t i = 0; i < count; i++) *out++ = (char)('0' + next_random(&seed) % 10);
      put(".25");
      break;
    case 3:
      put("\"quo\\\"ted ");
      for (uint32_t i = 0; i < count * 3; i++) *out++ = (char)('a' + next_random(&seed) % 26);
      put("\"");
      break;
    default:
      put(kind == 4 ? "{ " : "[ ");
      for (uint32_t i = 0; i < count && out < text + SIZE - 4000; i++) {
        if (i) put(", ");
        if (kind == 4) put("\"key\" : ");
        generate(level + 1);
      }
      put(kind == 4 ? "}" : "]\n");
  }
}

int main(int argc, char **argv) {
  generate(0);
  for (int i = rounds(argc, argv, 700); i > 0; i--) {
    at = text;
    value();
    CHECK(at > text + SIZE / 2 && depth == 0);
  }
  return checksum(hash + (uint64_t)deepest);
}
