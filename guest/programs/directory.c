// Directories: a tree is made, listed in the middle of changes, walked, and removed again.
#include "report.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <stdio.h>

static void touch(const char *path) {
  int fd = open(path, O_WRONLY | O_CREAT, 0644);
  CHECK(fd >= 0 && write(fd, path, strlen(path)) == (ssize_t)strlen(path) && close(fd) == 0);
}

// Order of a listing is the file system's own, so names are counted and hashed without regard to order.
static unsigned list(const char *path, int *entries) {
  DIR *directory = opendir(path);
  CHECK(directory);
  unsigned hash = 0;
  *entries = 0;
  for (struct dirent *entry; (entry = readdir(directory));) {
    if (entry->d_name[0] == '.') continue;
    unsigned nameHash = 2166136261u;
    for (const char *p = entry->d_name; *p; p++) nameHash = (nameHash ^ (unsigned char)*p) * 16777619u;
    hash += nameHash;
    (*entries)++;
  }
  CHECK(closedir(directory) == 0);
  return hash;
}

int main(void) {
  char path[40];
  int entries;
  CHECK(mkdir("tree", 0755) == 0);
  CHECK(mkdir("tree", 0755) == -1 && errno == EEXIST);
  for (int i = 0; i < 8; i++) {
    strcpy(path, "tree/leaf-a");
    path[10] = (char)('a' + i);
    touch(path);
  }
  CHECK(mkdir("tree/branch", 0755) == 0);
  touch("tree/branch/deep");
  say_hex("listing", list("tree", &entries));
  CHECK(entries == 9);
  CHECK(symlink("branch/deep", "tree/link") == 0);
  char target[40];
  ssize_t length = readlink("tree/link", target, sizeof target);
  CHECK(length == 11 && memcmp(target, "branch/deep", 11) == 0);
  struct stat info;
  CHECK(stat("tree/link", &info) == 0 && info.st_size == 16);
  CHECK(lstat("tree/link", &info) == 0 && S_ISLNK(info.st_mode));
  CHECK(link("tree/branch/deep", "tree/hard") == 0);
  CHECK(stat("tree/hard", &info) == 0 && info.st_nlink == 2);
  CHECK(rename("tree/branch", "tree/bough") == 0);
  CHECK(stat("tree/link", &info) == -1 && errno == ENOENT);
  say_hex("listing", list("tree", &entries));
  CHECK(rmdir("tree") == -1 && errno == ENOTEMPTY);
  for (int i = 0; i < 8; i++) {
    strcpy(path, "tree/leaf-a");
    path[10] = (char)('a' + i);
    CHECK(unlink(path) == 0);
  }
  CHECK(unlink("tree/link") == 0 && unlink("tree/hard") == 0 && unlink("tree/bough/deep") == 0);
  CHECK(rmdir("tree/bough") == 0 && rmdir("tree") == 0);
  CHECK(opendir("tree") == NULL && errno == ENOENT);
  return pass();
}
