// Float bits survive: NaN payloads (quiet and signalling), -0, subnormals and infinities, in locals, operands and memory.
#include "report.h"
#include <math.h>
#include <string.h>

static double asDouble(uint64_t bits) {
  double value;
  memcpy(&value, &bits, sizeof value);
  return value;
}
static float asFloat(uint32_t bits) {
  float value;
  memcpy(&value, &bits, sizeof value);
  return value;
}
static uint64_t bitsOf(double value) {
  uint64_t bits;
  memcpy(&bits, &value, sizeof bits);
  return bits;
}
static uint32_t bitsOfFloat(float value) {
  uint32_t bits;
  memcpy(&bits, &value, sizeof bits);
  return bits;
}

static volatile unsigned sink;

// The loop is there to be stopped in, while the eight parameters live in locals.
static NOINLINE uint64_t hold(double a, double b, double c, double d, float e, float f, float g, float h, int rounds) {
  for (int i = 0; i < rounds; i++) sink += (unsigned)i;
  uint64_t mix = bitsOf(a) ^ bitsOf(b) * 3 ^ bitsOf(c) * 5 ^ bitsOf(d) * 7;
  mix ^= bitsOfFloat(e) * 11ull ^ bitsOfFloat(f) * 13ull ^ bitsOfFloat(g) * 17ull ^ bitsOfFloat(h) * 19ull;
  return mix;
}

static const uint64_t doubles[] = {
    0x7ff8000000000000, 0x7ff8000000000001, 0xfff8dead00c0ffee, 0x7ff0000000000001, 0xfff4000000000000,
    0x8000000000000000, 0x0000000000000001, 0x800fffffffffffff, 0x7ff0000000000000, 0xfff0000000000000,
    0x3ff0000000000001, 0x7fefffffffffffff};
static const uint32_t floats[] = {0x7fc00000, 0x7fc00001, 0xffc0ffee, 0x7f800001, 0xffa00000, 0x80000000,
                                  0x00000001, 0x807fffff, 0x7f800000, 0xff800000, 0x3f800001, 0x7f7fffff};

int main(void) {
  enum { COUNT = sizeof doubles / sizeof doubles[0] };
  uint64_t total = 0;
  for (int i = 0; i < COUNT; i++) {
    double a = asDouble(doubles[i]), b = asDouble(doubles[(i + 1) % COUNT]);
    float e = asFloat(floats[i]), f = asFloat(floats[(i + 5) % COUNT]);
    uint64_t mix = hold(a, b, -a, copysign(b, a), e, f, -e, copysignf(f, e), 8);
    CHECK(bitsOf(a) == doubles[i] && bitsOfFloat(e) == floats[i]);
    CHECK(bitsOf(-a) == (doubles[i] ^ 0x8000000000000000));
    say_hex("mix", mix);
    total += mix;
  }
  double zero = asDouble(0x8000000000000000);
  CHECK(1 / zero < 0 && zero == 0);
  double x = 1, sum = 0;
  for (int i = 0; i < 60; i++) {
    sum += 1 / x;
    x = x * -1.7 + 0.3;
  }
  say_hex("series", bitsOf(sum));
  say_hex("roots", bitsOf(sqrt(2) + floor(-2.5) + trunc(9.9) + rint(3.5)) ^ bitsOf(sin(1) * exp(2) / log(3)));
  say_hex("total", total);
  return pass();
}
