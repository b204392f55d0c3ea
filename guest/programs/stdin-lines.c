// A filter: blocks in read, gathers lines from whatever pieces come, prints each with its length.
#include "report.h"

int main(void) {
  char text[100], piece[7];
  unsigned length = 0, lines = 0, bytes = 0;
  for (ssize_t count; (count = read(0, piece, sizeof piece)) != 0;) {
    CHECK(count > 0);
    for (ssize_t i = 0; i < count; i++) {
      bytes++;
      if (piece[i] != '\n') {
        if (length < sizeof text - 1) text[length++] = piece[i];
        continue;
      }
      text[length] = 0;
      say_number(text, length);
      lines++;
      length = 0;
    }
  }
  say_number("lines", lines);
  say_number("bytes", bytes);
  CHECK(length == 0);
  return pass();
}
