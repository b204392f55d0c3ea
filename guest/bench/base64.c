// Base64 both ways over a buffer: byte loads, table look-ups, shifts.
#include "bench.h"
#include <string.h>

enum { SIZE = 96 * 1024 };
static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static unsigned char source[SIZE], encoded[SIZE / 3 * 4], decoded[SIZE], reverse[256];

static NOINLINE unsigned encode(const unsigned char *in, unsigned length, unsigned char *out) {
  unsigned char *start = out;
  for (unsigned i = 0; i + 2 < length; i += 3) {
    unsigned group = (unsigned)in[i] << 16 | (unsigned)in[i + 1] << 8 | in[i + 2];
    *out++ = (unsigned char)alphabet[group >> 18];
    *out++ = (unsigned char)alphabet[group >> 12 & 63];
    *out++ = (unsigned char)alphabet[group >> 6 & 63];
    *out++ = (unsigned char)alphabet[group & 63];
  }
  return (unsigned)(out - start);
}

static NOINLINE unsigned decode(const unsigned char *in, unsigned length, unsigned char *out) {
  unsigned char *start = out;
  unsigned bits = 0, count = 0;
  for (unsigned i = 0; i < length; i++) {
    bits = bits << 6 | reverse[in[i]];
    if (++count % 4 == 0) {
      *out++ = (unsigned char)(bits >> 16);
      *out++ = (unsigned char)(bits >> 8);
      *out++ = (unsigned char)bits;
    }
  }
  return (unsigned)(out - start);
}

int main(int argc, char **argv) {
  uint32_t seed = 3;
  for (int i = 0; i < SIZE; i++) source[i] = (unsigned char)next_random(&seed);
  for (int i = 0; i < 64; i++) reverse[(unsigned char)alphabet[i]] = (unsigned char)i;
  uint64_t sum = 0;
  for (int i = rounds(argc, argv, 1200); i > 0; i--) {
    unsigned length = encode(source, SIZE, encoded);
    CHECK(decode(encoded, length, decoded) == SIZE && memcmp(source, decoded, 64) == 0);
    sum = sum * 31 + encoded[(unsigned)i % length] + decoded[i % SIZE];
    source[i % 64] ^= (unsigned char)i;
  }
  return checksum(sum);
}
