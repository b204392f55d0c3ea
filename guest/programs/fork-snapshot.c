// A child asks for a snapshot of the whole machine while its parent waits; original and copies go on alike.
#include "tree.h"

static int fds[2];

static int snapshots(int unused) {
  (void)unused;
  int originals = 0, copies = 0;
  for (int i = 0; i < 2; i++) {
    int id = wvm_snapshot();
    CHECK(id >= 0);
    if (id > 0) originals++;
    else copies++;
    put(fds[1], id > 0 ? 'o' : 'c');
  }
  return originals + copies;
}

int main(void) {
  CHECK(pipe(fds) == 0);
  pid_t pid = start(snapshots, 0);
  for (int i = 0; i < 2; i++) say(get(fds[0]) == 'o' ? "original" : "copy");
  CHECK_EXIT(pid, 2);
  return pass();
}
