// poll() on stdin with a time limit, then reads: waits for input and for the clock at once.
#include "report.h"
#include <poll.h>

int main(void) {
  unsigned sum = 0, reads = 0;
  for (;;) {
    struct pollfd wanted = {.fd = 0, .events = POLLRDNORM};
    int ready = poll(&wanted, 1, 5000);
    CHECK(ready == 1 && wanted.revents);
    char piece[5];
    ssize_t count = read(0, piece, sizeof piece);
    CHECK(count >= 0);
    if (count == 0) break;
    reads++;
    for (ssize_t i = 0; i < count; i++) sum = sum * 31 + (unsigned char)piece[i];
  }
  CHECK(reads > 0);
  say_hex("sum", sum);
  return pass();
}
