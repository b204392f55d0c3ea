// A sparse file: holes read as zeros, far offsets keep 64 bits, the size follows the last byte written.
#include "report.h"
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

int main(void) {
  int fd = open("sparse.bin", O_RDWR | O_CREAT | O_TRUNC, 0644);
  CHECK(fd >= 0);
  for (int i = 0; i < 10; i++) {
    off_t offset = (off_t)i * 70001 + (i == 9 ? 5000000000ll : 0);
    CHECK(lseek(fd, offset, SEEK_SET) == offset);
    CHECK(write(fd, &i, sizeof i) == sizeof i);
  }
  struct stat info;
  CHECK(fstat(fd, &info) == 0 && info.st_size == 5000000000ll + 9 * 70001 + 4);
  say_number("size", info.st_size);
  char hole[64];
  for (int i = 0; i < 9; i++) {
    int value = -1;
    CHECK(pread(fd, &value, sizeof value, (off_t)i * 70001) == sizeof value && value == i);
    memset(hole, 1, sizeof hole);
    CHECK(pread(fd, hole, sizeof hole, (off_t)i * 70001 + 30000) == sizeof hole);
    for (unsigned k = 0; k < sizeof hole; k++) CHECK(hole[k] == 0);
  }
  CHECK(pread(fd, hole, sizeof hole, 4999999999ll) == sizeof hole);
  CHECK(ftruncate(fd, 0) == 0 && fstat(fd, &info) == 0 && info.st_size == 0);
  CHECK(ftruncate(fd, 4096) == 0 && pread(fd, hole, sizeof hole, 4090) == 6);
  CHECK(close(fd) == 0 && unlink("sparse.bin") == 0);
  return pass();
}
