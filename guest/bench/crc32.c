// CRC-32 by table, byte by byte: a dependent load per round of a very short loop.
#include "bench.h"

enum { SIZE = 1 << 18 };
static uint32_t table[256];
static unsigned char buffer[SIZE];

static NOINLINE uint32_t crc(const unsigned char *bytes, unsigned length, uint32_t value) {
  value = ~value;
  for (unsigned i = 0; i < length; i++) value = table[(value ^ bytes[i]) & 255] ^ value >> 8;
  return ~value;
}

int main(int argc, char **argv) {
  for (uint32_t i = 0; i < 256; i++) {
    table[i] = i;
    for (int bit = 0; bit < 8; bit++) table[i] = table[i] >> 1 ^ (table[i] & 1 ? 0xedb88320 : 0);
  }
  CHECK(crc((const unsigned char *)"123456789", 9, 0) == 0xcbf43926);
  uint32_t seed = 5, value = 0;
  for (int i = 0; i < SIZE; i++) buffer[i] = (unsigned char)next_random(&seed);
  for (int i = rounds(argc, argv, 600); i > 0; i--) value = crc(buffer, SIZE, value);
  return checksum(value);
}
