// 64-bit arithmetic: division, remainders, rotations, bit counts, 128-bit products and modular powers.
#include "report.h"

static uint64_t state = 0x9e3779b97f4a7c15;
static uint64_t next(void) {
  state ^= state << 13;
  state ^= state >> 7;
  return state ^= state << 17;
}

static NOINLINE uint64_t mulmod(uint64_t a, uint64_t b, uint64_t modulus) {
  uint64_t result = 0;
  for (a %= modulus; b; b >>= 1) {
    if (b & 1) result = result >= modulus - a ? result - (modulus - a) : result + a;
    a = a >= modulus - a ? a - (modulus - a) : a + a;
  }
  return result;
}

static NOINLINE uint64_t power(uint64_t base, uint64_t exponent, uint64_t modulus) {
  uint64_t result = 1;
  for (; exponent; exponent >>= 1) {
    if (exponent & 1) result = mulmod(result, base, modulus);
    base = mulmod(base, base, modulus);
  }
  return result;
}

int main(void) {
  uint64_t mix = 0;
  for (int i = 0; i < 200; i++) {
    uint64_t a = next(), b = next() >> (i % 60) | 1;
    int64_t c = (int64_t)next(), d = (int64_t)(next() >> (i % 50)) | 1;
    CHECK(a / b * b + a % b == a);
    CHECK(c / d * d + c % d == c);
    mix = (mix << 7 | mix >> 57) ^ a / b ^ (uint64_t)(c % d);
    mix += (uint64_t)__builtin_clzll(a | 1) * 3 + (uint64_t)__builtin_ctzll(b) + (uint64_t)__builtin_popcountll(a ^ b);
    mix ^= (uint64_t)(((unsigned __int128)a * b) >> 64);
  }
  say_hex("mix", mix);
  uint64_t prime = 18446744073709551557u;
  CHECK(power(3, 65536, 65537) == 1);
  say_hex("power", power(5, 300, prime));
  CHECK((int64_t)0x8000000000000000 / -2 == 0x4000000000000000);
  return pass();
}
