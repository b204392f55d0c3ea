// Writers wait at a full pipe: what they write arrives whole and, from each of them, in order.
#include "tree.h"
#include <poll.h>
#include <sched.h>

enum { RECORD = 4096, RECORDS = 12, WRITERS = 3 };
static int fds[2];
static unsigned char buffer[RECORD];

static int writer(int name) {
  for (int i = 0; i < RECORDS; i++) {
    for (int k = 0; k < RECORD; k += 1024) buffer[k] = (unsigned char)i;
    buffer[1] = (unsigned char)name;
    CHECK(write(fds[1], buffer, RECORD) == RECORD);
  }
  return 0;
}

int main(void) {
  pid_t pids[WRITERS];
  int next[WRITERS] = {0};
  CHECK(pipe(fds) == 0);
  for (int i = 0; i < WRITERS; i++) pids[i] = start(writer, i);
  work(20);
  // Until there is no room left.
  while (poll(&(struct pollfd){.fd = fds[1], .events = POLLOUT}, 1, 0) == 1) sched_yield();
  work(20);
  close(fds[1]);
  for (int records = 0; records < WRITERS * RECORDS; records++) {
    for (unsigned got = 0; got < RECORD;) {
      ssize_t count = read(fds[0], buffer + got, RECORD - got);
      CHECK(count > 0);
      got += (unsigned)count;
    }
    int name = buffer[1];
    CHECK(name < WRITERS && buffer[0] == next[name] && buffer[RECORD - 1024] == next[name]);
    next[name]++;
  }
  CHECK(get(fds[0]) == -1);
  for (int i = 0; i < WRITERS; i++) CHECK_EXIT(pids[i], 0);
  return pass();
}
