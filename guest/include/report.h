// Output of the test guests, without stdio: printf would put more safe points into a program than what it tests.
// A guest prints its results with say*(), proves them with CHECK(), and ends with pass().
#ifndef REPORT_H
#define REPORT_H

#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#define CHECK(condition) ((condition) ? (void)0 : report_failure(#condition, __LINE__))

// Keeps a function out of its callers, so that its call stays a call.
#define NOINLINE __attribute__((noinline))

struct line {
  char text[120];
  unsigned length;
};

static inline void line_text(struct line *line, const char *text) {
  while (*text && line->length < sizeof line->text) line->text[line->length++] = *text++;
}

static inline void line_digits(struct line *line, uint64_t value, unsigned base) {
  char digits[20];
  unsigned count = 0;
  do {
    digits[count++] = "0123456789abcdef"[value % base];
    value /= base;
  } while (value);
  while (count && line->length < sizeof line->text) line->text[line->length++] = digits[--count];
}

static inline void line_write(struct line *line) {
  line_text(line, "\n");
  for (unsigned done = 0; done < line->length;) {
    ssize_t count = write(1, line->text + done, line->length - done);
    if (count < 0) _exit(2);
    done += (unsigned)count;
  }
}

static NOINLINE void say(const char *text) {
  struct line line = {.length = 0};
  line_text(&line, text);
  line_write(&line);
}

static inline NOINLINE void say_number(const char *label, int64_t value) {
  struct line line = {.length = 0};
  line_text(&line, label);
  line_text(&line, value < 0 ? " -" : " ");
  line_digits(&line, value < 0 ? 0 - (uint64_t)value : (uint64_t)value, 10);
  line_write(&line);
}

static inline NOINLINE void say_hex(const char *label, uint64_t value) {
  struct line line = {.length = 0};
  line_text(&line, label);
  line_text(&line, " 0x");
  line_digits(&line, value, 16);
  line_write(&line);
}

static inline NOINLINE void report_failure(const char *condition, int lineNumber) {
  struct line line = {.length = 0};
  line_text(&line, "FAIL line ");
  line_digits(&line, (uint64_t)lineNumber, 10);
  line_text(&line, ": ");
  line_text(&line, condition);
  line_write(&line);
  _exit(1);
}

static inline int pass(void) {
  say("PASS");
  return 0;
}

#endif
