// Two children read one file through three descriptors: the second is a file opened for itself, the third a duplicate of the
// first. stdin says who reads the next byte through which: '0' + 3 * child + descriptor. The machine is saved after each.
#include "tree.h"

static int fds[3], turns[2][2], answers[2];

static int reads(int child) {
  close(turns[child][1]);
  for (int which; (which = get(turns[child][0])) >= 0;) put(answers[1], (char)get(fds[which]));
  return 0;
}

int main(void) {
  const char *name = "offset-holders.txt";
  int made = open(name, O_WRONLY | O_CREAT | O_EXCL, 0644);
  if (made >= 0) CHECK(write(made, "abcdefghijklmnopqrstuvwxyz", 26) == 26 && close(made) == 0);
  fds[0] = open(name, O_RDONLY);
  fds[1] = open(name, O_RDONLY);
  fds[2] = dup(fds[0]);
  CHECK(fds[0] >= 0 && fds[1] > fds[0] && fds[2] > fds[1]);
  CHECK(pipe(answers) == 0 && pipe(turns[0]) == 0 && pipe(turns[1]) == 0);
  pid_t first = start(reads, 0);
  close(turns[0][0]);
  // The second child has no end of the first one's turns.
  int kept = dup2(turns[0][1], 20);
  close(turns[0][1]);
  CHECK(kept == 20 && fcntl(kept, F_SETFD, FD_CLOEXEC) == 0);
  pid_t second = fork();
  if (second == 0) {
    close(kept);
    _exit(reads(1));
  }
  struct line line = {.length = 0};
  for (int step; (step = get(0)) >= '0';) {
    put((step - '0') / 3 == 0 ? kept : turns[1][1], (char)((step - '0') % 3));
    char byte[2] = {(char)get(answers[0]), 0};
    line_text(&line, byte);
    CHECK(wvm_snapshot() >= 0);
  }
  line_write(&line);
  close(kept);
  close(turns[1][1]);
  CHECK_EXIT(first, 0);
  CHECK_EXIT(second, 0);
  return pass();
}
