// Deflates generated records at every level, inflates them in small pieces and compares. argv[1]: number of rounds (4).
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "zlib.h"

enum { SIZE = 300000 };
static unsigned char text[SIZE], packed[SIZE + SIZE / 10], unpacked[SIZE];

static unsigned inflatePieces(const unsigned char *from, unsigned length) {
  z_stream stream = {.next_in = (unsigned char *)from, .next_out = unpacked};
  if (inflateInit(&stream) != Z_OK) return 0;
  int state = Z_OK;
  while (state == Z_OK) {
    unsigned left = length - (unsigned)stream.total_in;
    stream.avail_in = left < 1000 ? left : 1000;
    stream.avail_out = SIZE - (unsigned)stream.total_out < 4096 ? SIZE - (unsigned)stream.total_out : 4096;
    state = inflate(&stream, Z_NO_FLUSH);
  }
  inflateEnd(&stream);
  return state == Z_STREAM_END ? (unsigned)stream.total_out : 0;
}

int main(int argc, char **argv) {
  int rounds = argc > 1 ? atoi(argv[1]) : 4;
  unsigned seed = 5;
  for (int round = 0; round < rounds; round++) {
    for (int i = 0; i + 40 < SIZE;) {
      seed = seed * 1664525u + 1013904223u;
      i += snprintf((char *)text + i, 40, "%u,%s,%u\n", seed >> 20, seed & 4096 ? "alpha" : "omega", i / 97 + round);
    }
    for (int level = 1; level <= 9; level++) {
      unsigned long length = sizeof packed;
      if (compress2(packed, &length, text, SIZE, level) != Z_OK) return puts("FAIL compress"), 1;
      if (inflatePieces(packed, (unsigned)length) != SIZE || memcmp(text, unpacked, SIZE)) return puts("FAIL compare"), 1;
      printf("round %d level %d: %lu bytes, adler %08lx\n", round, level, length, adler32(1, packed, (unsigned)length));
    }
  }
  puts("PASS");
  return 0;
}
