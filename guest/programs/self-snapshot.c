// Asks for a snapshot of itself three times. The original sees ids > 0, a resumed copy 0, and both go on.
#include "report.h"
#include "wvm.h"

int main(void) {
  int originals = 0, copies = 0;
  for (int i = 0; i < 3; i++) {
    say_number("step", i);
    int id = wvm_snapshot();
    CHECK(id >= 0);
    if (id > 0) originals++;
    else copies++;
    say(id > 0 ? "original" : "copy");
  }
  CHECK(originals + copies == 3);
  return pass();
}
