// Sixty files open at once, each at an offset of its own, closed in another order; fd numbers are reused.
#include "report.h"
#include <fcntl.h>

enum { COUNT = 60 };

static void nameOf(char *name, int i) {
  name[0] = 'f';
  name[1] = (char)('0' + i / 10);
  name[2] = (char)('0' + i % 10);
  name[3] = 0;
}

int main(void) {
  int fds[COUNT];
  char name[4];
  for (int i = 0; i < COUNT; i++) {
    nameOf(name, i);
    fds[i] = open(name, O_RDWR | O_CREAT | O_TRUNC, 0644);
    CHECK(fds[i] >= 0);
    for (int k = 0; k <= i % 4; k++) CHECK(write(fds[i], name, 3) == 3);
  }
  for (int i = 0; i < COUNT; i++) {
    for (int k = i + 1; k < COUNT; k += 17) CHECK(fds[i] != fds[k]);
    CHECK(lseek(fds[i], i % 3, SEEK_SET) == i % 3);
  }
  unsigned sum = 0;
  for (int i = COUNT - 1; i >= 0; i--) {
    char byte;
    CHECK(read(fds[i], &byte, 1) == 1);
    nameOf(name, i);
    CHECK(byte == name[i % 3]);
    sum = sum * 31 + (unsigned char)byte;
  }
  for (int i = 0; i < COUNT; i += 2) CHECK(close(fds[i]) == 0);
  for (int i = 1; i < COUNT; i += 2) CHECK(lseek(fds[i], 0, SEEK_CUR) == i % 3 + 1 && close(fds[i]) == 0);
  for (int i = 0; i < COUNT; i++) {
    nameOf(name, i);
    CHECK(unlink(name) == 0);
  }
  say_number("sum", sum);
  return pass();
}
