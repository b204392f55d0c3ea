// Grows its memory page by page, writes into each, and finds everything again; growth past the limit is refused.
#include "report.h"

int main(void) {
  unsigned before = __builtin_wasm_memory_size(0);
  unsigned *pages[20];
  for (unsigned i = 0; i < 20; i++) {
    size_t old = __builtin_wasm_memory_grow(0, 1);
    CHECK(old == before + i);
    pages[i] = (unsigned *)(old * 65536);
    CHECK(pages[i][0] == 0 && pages[i][16383] == 0);
    for (unsigned k = 0; k < 8; k++) pages[i][k * 2000] = i * 1000 + k;
  }
  for (unsigned i = 0; i < 20; i++)
    for (unsigned k = 0; k < 8; k++) CHECK(pages[i][k * 2000] == i * 1000 + k);
  CHECK(__builtin_wasm_memory_size(0) == before + 20);
  CHECK(__builtin_wasm_memory_grow(0, 65536) == (size_t)-1);
  say_number("pages", 20);
  return pass();
}
