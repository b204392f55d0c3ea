// Compresses generated text with libbz2, decompresses it and compares. argv[1]: number of blocks (6).
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bzlib.h"

enum { SIZE = 400000 };
static char text[SIZE], packed[SIZE + SIZE / 100 + 600], unpacked[SIZE];

// The library is built without stdio and calls this instead of printing.
void bz_internal_error(int code) {
  printf("FAIL libbz2 %d\n", code);
  exit(1);
}

int main(int argc, char **argv) {
  int blocks = argc > 1 ? atoi(argv[1]) : 6;
  unsigned seed = 1;
  for (int block = 0; block < blocks; block++) {
    for (int i = 0; i < SIZE; i++) {
      seed = seed * 1664525u + 1013904223u;
      text[i] = "etaoin shrdlu\nwvm snapshot"[(seed >> 16) * (seed >> 24) % 27 % 26];
    }
    unsigned packedLength = sizeof packed, length = sizeof unpacked;
    if (BZ2_bzBuffToBuffCompress(packed, &packedLength, text, SIZE, 9, 0, 0) != BZ_OK) return puts("FAIL compress"), 1;
    if (BZ2_bzBuffToBuffDecompress(unpacked, &length, packed, packedLength, 0, 0) != BZ_OK) return puts("FAIL decompress"), 1;
    if (length != SIZE || memcmp(text, unpacked, SIZE) != 0) return puts("FAIL compare"), 1;
    unsigned sum = 0;
    for (unsigned i = 0; i < packedLength; i++) sum = sum * 31 + (unsigned char)packed[i];
    printf("block %d: %u bytes, sum %08x\n", block, packedLength, sum);
  }
  puts("PASS");
  return 0;
}
