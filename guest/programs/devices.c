// Devices under /dev: what Linux answers, in a process and its child, whatever they write to in between.
#include "tree.h"
#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

static char bytes[4096];

static int all_are(char byte, size_t size) {
  for (size_t i = 0; i < size; i++) {
    if (bytes[i] != byte) return 0;
  }
  return 1;
}

static int is_device(const char *path) {
  struct stat info;
  return stat(path, &info) == 0 && S_ISCHR(info.st_mode) && info.st_size == 0 && info.st_nlink == 1;
}

static void null_and_zero(void) {
  int null = open("/dev/null", O_RDWR | O_CREAT | O_TRUNC, 0666);
  CHECK(null >= 0 && is_device("/dev/null") && !isatty(null));
  CHECK(write(null, "gone", 4) == 4 && read(null, bytes, sizeof bytes) == 0);
  CHECK(lseek(null, 100, SEEK_SET) == 0 && lseek(null, 0, SEEK_END) == 0);
  CHECK(pwrite(null, "gone", 4, 7) == 4 && pread(null, bytes, 8, 7) == 0);
  CHECK(ftruncate(null, 0) == -1 && errno == EINVAL);
  work(20);
  int zero = open("/dev/zero", O_RDONLY);
  memset(bytes, 1, sizeof bytes);
  CHECK(read(zero, bytes, sizeof bytes) == (ssize_t)sizeof bytes && all_are(0, sizeof bytes));
  CHECK(write(zero, "x", 1) == -1 && errno == EBADF);
  CHECK(lseek(zero, 5, SEEK_CUR) == 0 && close(zero) == 0 && close(null) == 0);
}

static void full(void) {
  int fd = open("/dev/full", O_RDWR);
  CHECK(write(fd, "x", 1) == -1 && errno == ENOSPC);
  CHECK(write(fd, "", 0) == 0);
  memset(bytes, 1, 64);
  CHECK(read(fd, bytes, 64) == 64 && all_are(0, 64));
  CHECK(close(fd) == 0);
}

static void random_bytes(void) {
  char other[64];
  int fd = open("/dev/urandom", O_RDONLY);
  CHECK(read(fd, bytes, 64) == 64 && read(fd, other, 64) == 64 && memcmp(bytes, other, 64) != 0);
  work(10);
  int blocking = open("/dev/random", O_RDWR);
  CHECK(write(blocking, "seed", 4) == 4 && read(blocking, bytes, 64) == 64 && memcmp(bytes, other, 64) != 0);
  CHECK(close(fd) == 0 && close(blocking) == 0);
}

static void nothing_changes(void) {
  CHECK(open("/dev/new", O_WRONLY | O_CREAT, 0644) == -1 && errno == EACCES);
  CHECK(open("/dev/missing", O_RDONLY) == -1 && errno == ENOENT);
  CHECK(open("/dev/null", O_WRONLY | O_CREAT | O_EXCL, 0644) == -1 && errno == EEXIST);
  CHECK(open("/dev/null", O_RDONLY | O_DIRECTORY) == -1 && errno == ENOTDIR);
  CHECK(open("/dev/null/below", O_RDONLY) == -1 && errno == ENOTDIR);
  CHECK(open("/dev/fd", O_WRONLY) == -1 && errno == EISDIR);
  CHECK(open("/dev/fd/77", O_RDONLY) == -1 && errno == ENOENT);
  CHECK(unlink("/dev/null") == -1 && errno == EACCES);
  CHECK(mkdir("/dev/shm", 0755) == -1 && errno == EACCES);
  CHECK(mkdir("/dev/fd", 0755) == -1 && errno == EEXIST);
  CHECK(rename("/dev/null", "/dev/void") == -1 && errno == EACCES);
  CHECK(symlink("null", "/dev/void") == -1 && errno == EACCES);
  CHECK(open("/dev/tty", O_RDWR) == -1 && errno == ENXIO);
}

static int list(const char *path, int expected) {
  int count = 0;
  DIR *directory = opendir(path);
  CHECK(directory != NULL);
  for (struct dirent *entry; (entry = readdir(directory)) != NULL;) {
    if (entry->d_name[0] == '.') continue;
    count++;
    work(1);
    if (expected == 10) CHECK(entry->d_type == (strcmp(entry->d_name, "fd") == 0 ? DT_DIR : entry->d_type));
  }
  CHECK(closedir(directory) == 0);
  return count;
}

static int child(int fd) {
  char name[] = "/dev/fd/0";
  name[8] = (char)('0' + fd);
  int again = open(name, O_RDONLY);
  CHECK(again > fd && read(again, bytes, 2) == 2 && memcmp(bytes, "cd", 2) == 0);
  CHECK(open(name, O_WRONLY) == -1 && errno == EACCES);
  return 0;
}

static void descriptors(void) {
  int fd = open("file", O_RDWR | O_CREAT, 0644);
  CHECK(write(fd, "abcdefgh", 8) == 8 && close(fd) == 0);
  fd = open("file", O_RDONLY);
  CHECK(fd < 10 && read(fd, bytes, 2) == 2);
  struct stat direct, through;
  char name[] = "/dev/fd/0";
  name[8] = (char)('0' + fd);
  CHECK(fstat(fd, &direct) == 0 && stat(name, &through) == 0);
  CHECK(S_ISREG(through.st_mode) && direct.st_ino == through.st_ino && through.st_size == 8);
  pid_t pid = start(child, fd);
  CHECK_EXIT(pid, 0);
  // The child's opening shares the offset, as dup does.
  CHECK(read(fd, bytes, 2) == 2 && memcmp(bytes, "ef", 2) == 0);
  int out = open("/dev/stdout", O_WRONLY | O_CREAT | O_TRUNC, 0666);
  CHECK(out > 2 && write(out, "said\n", 5) == 5 && close(out) == 0);
  CHECK(open("/dev/stdin", O_WRONLY) == -1 && errno == EACCES);
  CHECK(list("/dev/fd", 0) >= 5);
  CHECK(close(fd) == 0 && unlink("file") == 0);
}

int main(void) {
  null_and_zero();
  full();
  random_bytes();
  nothing_changes();
  CHECK(list("/dev", 10) == 10);
  descriptors();
  CHECK(chdir("/dev") == 0);
  int fd = open("null", O_WRONLY);
  CHECK(fd >= 0 && dup2(fd, 2) == 2 && write(2, "nobody hears", 12) == 12);
  work(20);
  return pass();
}
