// A binary tree of processes, four levels deep: every process counts its descendants in its exit status.
#include "tree.h"

static int grow(int depth) {
  if (depth == 0) return 0;
  pid_t left = start(grow, depth - 1);
  pid_t right = start(grow, depth - 1);
  CHECK(left != right);
  work(4);
  int below = 0, status;
  for (int i = 0; i < 2; i++) {
    pid_t pid = wait(&status);
    CHECK((pid == left || pid == right) && WIFEXITED(status));
    below += 1 + WEXITSTATUS(status);
  }
  return below;
}

int main(void) {
  int below = grow(3);
  say_number("descendants", below);
  CHECK(below == 14);
  CHECK(wait(0) == -1 && errno == ECHILD);
  return pass();
}
