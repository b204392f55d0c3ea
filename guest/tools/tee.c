// tee [-a] FILE...: standard input to standard output and to the files.
#include "tool.h"

enum { FILES_MAX = 16 };

int main(int argc, char *argv[]) {
  int fds[FILES_MAX], count = 0, status = 0, first = 1, flags = O_TRUNC;
  if (argc > 1 && strcmp(argv[1], "-a") == 0) {
    flags = O_APPEND;
    first = 2;
  }
  for (int i = first; i < argc && count < FILES_MAX; i++) {
    fds[count] = open(argv[i], O_WRONLY | O_CREAT | flags, 0666);
    if (fds[count] >= 0) count++;
    else {
      complain("tee", argv[i], strerror(errno));
      status = 1;
    }
  }
  char buffer[4096];
  ssize_t size;
  while ((size = read(0, buffer, sizeof buffer)) > 0) {
    put_bytes(buffer, (size_t)size);
    flush();
    for (int i = 0; i < count; i++) {
      if (write(fds[i], buffer, (size_t)size) != size) status = 1;
    }
  }
  return status;
}
