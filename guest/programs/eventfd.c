// Event counters: a reader waits for a number above 0, a writer for room; a semaphore counts down by one.
#include "tree.h"

static int counter, semaphore, back;

static int reader(int unused) {
  (void)unused;
  eventfd_t value;
  CHECK(eventfd_read(counter, &value) == 0 && value == 5);
  CHECK(eventfd_write(back, 1) == 0);
  for (int i = 0; i < 3; i++) CHECK(eventfd_read(semaphore, &value) == 0 && value == 1);
  return 0;
}

static int full_writer(int fd) {
  CHECK(eventfd_write(fd, 10) == 0);
  return 0;
}

int main(void) {
  eventfd_t value;
  counter = eventfd(0, 0);
  semaphore = eventfd(2, EFD_SEMAPHORE);
  back = eventfd(0, 0);
  CHECK(counter > 2 && semaphore > counter && back > semaphore);
  pid_t pid = start(reader, 0);
  work(20);
  CHECK(eventfd_write(counter, 5) == 0);
  CHECK(eventfd_read(back, &value) == 0 && value == 1);
  work(20);
  CHECK(eventfd_write(semaphore, 1) == 0);
  CHECK_EXIT(pid, 0);

  int full = eventfd(0, EFD_NONBLOCK);
  CHECK(eventfd_read(full, &value) == -1 && errno == EAGAIN);
  CHECK(eventfd_write(full, UINT64_MAX - 1) == 0);
  CHECK(eventfd_write(full, 1) == -1 && errno == EAGAIN);
  CHECK(fcntl(full, F_SETFL, 0) == 0);
  pid = start(full_writer, full);
  work(20);
  CHECK(eventfd_read(full, &value) == 0 && value == UINT64_MAX - 1);
  CHECK_EXIT(pid, 0);
  CHECK(eventfd_read(full, &value) == 0 && value == 10);
  return pass();
}
