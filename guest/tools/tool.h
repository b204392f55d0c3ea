// What the small tools share: buffered output, complaints, opening of named files.
#ifndef TOOL_H
#define TOOL_H

#include "posix.h"
#include <stdlib.h>
#include <string.h>

static char output[4096];
static size_t output_size;

// A reader that is gone ends the tool, as SIGPIPE would.
static inline void flush(void) {
  for (size_t done = 0; done < output_size;) {
    ssize_t count = write(1, output + done, output_size - done);
    if (count < 0) _exit(1);
    done += (size_t)count;
  }
  output_size = 0;
}

static inline void put_bytes(const char *bytes, size_t size) {
  while (size > 0) {
    size_t room = sizeof output - output_size, part = size < room ? size : room;
    memcpy(output + output_size, bytes, part);
    output_size += part;
    bytes += part;
    size -= part;
    if (output_size == sizeof output) flush();
  }
}

static inline void put_text(const char *text) { put_bytes(text, strlen(text)); }

static inline void put_number(long long number) {
  char digits[21], *at = digits + sizeof digits;
  unsigned long long rest = number < 0 ? 0 - (unsigned long long)number : (unsigned long long)number;
  do *--at = (char)('0' + rest % 10);
  while (rest /= 10);
  if (number < 0) *--at = '-';
  put_bytes(at, (size_t)(digits + sizeof digits - at));
}

static inline void complain(const char *tool, const char *what, const char *why) {
  const char *parts[] = {tool, ": ", what, ": ", why, "\n"};
  for (unsigned i = 0; i < 6; i++) {
    if (write(2, parts[i], strlen(parts[i])) < 0) return;
  }
}

// The named file; "-" is standard input. -1 after a complaint.
static inline int open_input(const char *tool, const char *name) {
  if (strcmp(name, "-") == 0) return 0;
  int fd = open(name, O_RDONLY);
  if (fd < 0) complain(tool, name, strerror(errno));
  return fd;
}

// All that is left of a file, with a NUL after it.
static inline char *read_all(int fd, size_t *size) {
  size_t capacity = 4096, used = 0;
  char *text = malloc(capacity);
  for (;;) {
    if (!text) _exit(2);
    ssize_t count = read(fd, text + used, capacity - used - 1);
    if (count <= 0) break;
    used += (size_t)count;
    if (capacity - used < 2) text = realloc(text, capacity *= 2);
  }
  text[used] = 0;
  *size = used;
  return text;
}

#endif
