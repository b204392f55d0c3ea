// The working directory is the kernel's, so that children and executed programs have it, too. wasi-libc's own is a string of
// the process; the functions below replace it, and all of its paths go through __wasilibc_find_relpath_alloc.
#include "errno-result.h"
#include "posix.h"
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <wasi/libc-find-relpath.h>

enum { DIRECTORY_MAX = 4096 };

char *getcwd(char *buffer, size_t size) {
  char text[DIRECTORY_MAX];
  uint32_t length = sizeof text;
  if (errno_result(wasix_getcwd(text, &length)) < 0) return NULL;
  size_t end = strnlen(text, length);
  if (!buffer) {
    size = size ? size : end + 1;
    buffer = malloc(size);
    if (!buffer) return NULL;
  }
  if (end + 1 > size) {
    errno = ERANGE;
    return NULL;
  }
  memcpy(buffer, text, end);
  buffer[end] = 0;
  return buffer;
}

int chdir(const char *path) { return errno_result(wasix_chdir(path, strlen(path))); }

int __wasilibc_find_relpath_alloc(const char *path, const char **prefix, char **relative, size_t *capacity, int can_grow) {
  char absolute[DIRECTORY_MAX];
  const char *found;
  if (path[0] != '/') {
    if (!getcwd(absolute, sizeof absolute)) return -1;
    size_t length = strlen(absolute);
    if (length + strlen(path) + 2 > sizeof absolute) return errno_result(ENAMETOOLONG);
    if (absolute[length - 1] != '/') absolute[length++] = '/';
    strcpy(absolute + length, path);
    path = absolute;
  }
  int fd = __wasilibc_find_abspath(path, prefix, &found);
  if (fd < 0) return fd;
  size_t size = strlen(found) + 1;
  if (size > *capacity) {
    char *grown = can_grow ? realloc(*relative, size) : NULL;
    if (!grown) return errno_result(can_grow ? ENOMEM : ERANGE);
    *relative = grown;
    *capacity = size;
  }
  memcpy(*relative, found, size);
  return fd;
}
