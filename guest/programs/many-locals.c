// Some sixty values of four types live at once across calls and a loop: large frames, all of which must come back.
#include "report.h"

static volatile unsigned tick;
static NOINLINE unsigned step(unsigned x) {
  tick++;
  return x * 2654435761u + tick;
}

#define EACH(X) X(0) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11) X(12) X(13) X(14) X(15)
#define DECLARE(n) unsigned i##n = step(n); uint64_t l##n = (uint64_t)step(n) << 20; float f##n = (float)(step(n) >> 12); double d##n = step(n) * 0.5;
#define MIX(n) i##n = step(i##n) ^ (unsigned)(l##n >> 7); l##n += (uint64_t)(d##n * 3) ^ i##n; f##n = f##n * 0.5f + (float)(i##n & 255); d##n = d##n * 0.25 + f##n;
#define FOLD(n) hash = (hash ^ i##n) * 1099511628211u; hash = (hash ^ l##n) * 1099511628211u; hash += (uint64_t)(f##n * 16) + (uint64_t)(d##n * 256);

int main(void) {
  EACH(DECLARE)
  for (int round = 0; round < 20; round++) {
    EACH(MIX)
  }
  uint64_t hash = 14695981039346656037u;
  EACH(FOLD)
  say_hex("hash", hash);
  say_number("steps", tick);
  CHECK(tick == 64 + 20 * 16);
  return pass();
}
