// One file through its life: create, write, read back, seek, append, truncate, rename, stat, unlink. The fd and its
// offset stay open across every safe point.
#include "report.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <stdio.h>

#define RECORD "record 00\n"
enum { RECORDS = 12, SIZE = sizeof RECORD - 1 };

int main(void) {
  int fd = open("data.txt", O_RDWR | O_CREAT | O_EXCL, 0644);
  CHECK(fd >= 0);
  for (int i = 0; i < RECORDS; i++) {
    char record[] = RECORD;
    record[7] = (char)('0' + i / 10);
    record[8] = (char)('0' + i % 10);
    CHECK(write(fd, record, SIZE) == SIZE);
  }
  CHECK(lseek(fd, 0, SEEK_CUR) == RECORDS * SIZE);
  CHECK(lseek(fd, 0, SEEK_SET) == 0);
  unsigned sum = 0;
  char record[SIZE];
  for (int i = 0; read(fd, record, SIZE) == SIZE; i++) {
    CHECK(record[7] == '0' + i / 10 && record[8] == '0' + i % 10);
    for (int k = 0; k < SIZE; k++) sum = sum * 31 + (unsigned char)record[k];
  }
  say_number("sum", sum);
  CHECK(lseek(fd, -2 * SIZE, SEEK_END) == (RECORDS - 2) * SIZE);
  CHECK(read(fd, record, SIZE) == SIZE && record[8] == '0');
  CHECK(pwrite(fd, "RECORD", 6, 3 * SIZE) == 6);
  CHECK(pread(fd, record, SIZE, 3 * SIZE) == SIZE && memcmp(record, "RECORD 03", 9) == 0);
  CHECK(lseek(fd, 0, SEEK_CUR) == (RECORDS - 1) * SIZE);

  int log = open("data.txt", O_WRONLY | O_APPEND);
  CHECK(log >= 0);
  for (int i = 0; i < 5; i++) CHECK(write(log, "more\n", 5) == 5);
  struct iovec parts[3] = {{"one ", 4}, {"", 0}, {"two\n", 4}};
  CHECK(writev(log, parts, 3) == 8);
  CHECK(close(log) == 0);
  struct stat info;
  CHECK(fstat(fd, &info) == 0 && info.st_size == RECORDS * SIZE + 33 && S_ISREG(info.st_mode));

  CHECK(ftruncate(fd, 25) == 0);
  CHECK(rename("data.txt", "renamed.txt") == 0);
  CHECK(stat("data.txt", &info) == -1 && errno == ENOENT);
  CHECK(stat("renamed.txt", &info) == 0 && info.st_size == 25);
  CHECK(read(fd, record, SIZE) == 0);
  CHECK(lseek(fd, 20, SEEK_SET) == 20 && read(fd, record, SIZE) == 5);
  CHECK(memcmp(record, "recor", 5) == 0);
  CHECK(open("renamed.txt", O_RDWR | O_CREAT | O_EXCL, 0644) == -1 && errno == EEXIST);
  CHECK(unlink("renamed.txt") == 0 && close(fd) == 0);
  CHECK(read(fd, record, 1) == -1 && errno == EBADF);
  return pass();
}
