// A process whose parent ends belongs to process 1, which can wait for it.
#include "tree.h"

static int to_orphan[2], from_orphan[2];

static int orphan(int parent) {
  CHECK(getppid() == parent);
  put(from_orphan[1], 'p');
  // Until the first process says that the parent has been waited for.
  CHECK(get(to_orphan[0]) == 'g');
  work(10);
  CHECK(getppid() == 1);
  put(from_orphan[1], 'o');
  return 5;
}

static int parent(int unused) {
  (void)unused;
  pid_t pid = start(orphan, getpid());
  // Until it has looked who its parent is.
  CHECK(get(from_orphan[0]) == 'p');
  return pid > getpid() ? 0 : 1;
}

int main(void) {
  CHECK(pipe(to_orphan) == 0 && pipe(from_orphan) == 0);
  pid_t middle = start(parent, 0);
  CHECK_EXIT(middle, 0);
  put(to_orphan[1], 'g');
  CHECK(get(from_orphan[0]) == 'o');
  int status;
  pid_t pid = wait(&status);
  CHECK(pid > 0 && pid != middle && WEXITSTATUS(status) == 5);
  return pass();
}
