// One byte to a file, again and again: the price of a system call.
#include "bench.h"
#include <fcntl.h>

int main(int argc, char **argv) {
  int fd = open("bytes", O_WRONLY | O_CREAT | O_TRUNC, 0644);
  CHECK(fd >= 0);
  uint64_t sum = 0;
  for (int i = rounds(argc, argv, 200000); i > 0; i--) sum += (uint64_t)write(fd, &sum, 1);
  CHECK(close(fd) == 0);
  return checksum(sum);
}
