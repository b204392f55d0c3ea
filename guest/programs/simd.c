// v128 values held in locals across loops, calls and memory, in every lane shape.
#include "report.h"
#include <wasm_simd128.h>

static volatile unsigned sink;

static NOINLINE v128_t stir(v128_t a, v128_t b, int rounds) {
  v128_t c = wasm_i8x16_add(a, b);
  for (int i = 0; i < rounds; i++) {
    a = wasm_i32x4_add(wasm_i32x4_mul(a, wasm_i32x4_splat(1664525)), b);
    b = wasm_v128_xor(wasm_i64x2_shl(b, 3), wasm_u64x2_shr(a, 11));
    c = wasm_i16x8_add(c, wasm_i8x16_shuffle(a, b, 3, 19, 5, 21, 7, 23, 9, 25, 0, 31, 2, 29, 4, 27, 6, 17));
    sink += (unsigned)i;
  }
  return wasm_v128_xor(wasm_v128_xor(a, b), c);
}

static NOINLINE v128_t tree(v128_t value, int depth) {
  if (depth == 0) return wasm_u16x8_avgr(value, wasm_i16x8_splat(77));
  v128_t left = tree(wasm_i8x16_add(value, wasm_i8x16_splat((int8_t)depth)), depth - 1);
  v128_t right = tree(wasm_i8x16_swizzle(value, wasm_i8x16_make(15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0)), depth - 1);
  return wasm_i64x2_add(left, wasm_v128_andnot(right, value));
}

static NOINLINE float dot(const float *a, const float *b, int count) {
  v128_t sum = wasm_f32x4_splat(0);
  for (int i = 0; i < count; i += 4) sum = wasm_f32x4_add(sum, wasm_f32x4_mul(wasm_v128_load(a + i), wasm_v128_load(b + i)));
  return wasm_f32x4_extract_lane(sum, 0) + wasm_f32x4_extract_lane(sum, 1) + wasm_f32x4_extract_lane(sum, 2) +
         wasm_f32x4_extract_lane(sum, 3);
}

int main(void) {
  float a[128], b[128];
  for (int i = 0; i < 128; i++) {
    a[i] = (float)i;
    b[i] = (float)(128 - i) / 4;
  }
  v128_t result = stir(wasm_i64x2_make(0x123456789abcdef0, -77), wasm_f64x2_make(1.5, -0.0), 150);
  say_hex("low", (uint64_t)wasm_i64x2_extract_lane(result, 0));
  say_hex("high", (uint64_t)wasm_i64x2_extract_lane(result, 1));
  v128_t leaves = tree(result, 6);
  say_hex("low", (uint64_t)wasm_i64x2_extract_lane(leaves, 0));
  say_hex("high", (uint64_t)wasm_i64x2_extract_lane(leaves, 1));
  float product = dot(a, b, 128);
  say_number("dot", (int64_t)product);
  CHECK(product == 87376);
  v128_t nan = wasm_i32x4_make(0x7f800001, (int)0xffc00001, 0x7fc00000, (int)0x80000000);
  for (int i = 0; i < 20; i++) nan = wasm_f32x4_neg(nan), sink++;
  CHECK(wasm_i32x4_extract_lane(nan, 0) == 0x7f800001);
  CHECK(wasm_i8x16_all_true(wasm_i32x4_eq(nan, wasm_i32x4_make(0x7f800001, (int)0xffc00001, 0x7fc00000, (int)0x80000000))));
  return pass();
}
