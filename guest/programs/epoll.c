// An epoll set over pipes and an event counter: level, edge and one shot; a child makes them ready one after another.
#include "tree.h"
#include <sys/epoll.h>

static int set, pipes[2][2], counter, turn[2];

static int makes_ready(int unused) {
  (void)unused;
  put(pipes[0][1], 'a');
  CHECK(get(turn[0]) == '1');
  work(20);
  put(pipes[1][1], 'b');
  CHECK(get(turn[0]) == '2');
  CHECK(eventfd_write(counter, 3) == 0);
  CHECK(get(turn[0]) == '3');
  return 0;
}

static void add(int fd, uint32_t events) {
  struct epoll_event event = {.events = events, .data = {.fd = fd}};
  CHECK(epoll_ctl(set, EPOLL_CTL_ADD, fd, &event) == 0);
  CHECK(epoll_ctl(set, EPOLL_CTL_ADD, fd, &event) == -1 && errno == EEXIST);
}

static void expect(int fd, uint32_t events, int timeout_ms) {
  struct epoll_event event[4];
  CHECK(epoll_wait(set, event, 4, timeout_ms) == 1);
  CHECK(event[0].data.fd == fd && event[0].events == events);
}

int main(void) {
  struct epoll_event event;
  set = epoll_create1(EPOLL_CLOEXEC);
  counter = eventfd(0, 0);
  CHECK(set >= 0 && pipe(pipes[0]) == 0 && pipe(pipes[1]) == 0 && pipe(turn) == 0);
  add(pipes[0][0], EPOLLIN);
  add(pipes[1][0], EPOLLIN | EPOLLET);
  add(counter, EPOLLIN | EPOLLONESHOT);
  CHECK(epoll_wait(set, &event, 1, 0) == 0);
  pid_t pid = start(makes_ready, 0);

  expect(pipes[0][0], EPOLLIN, -1);
  expect(pipes[0][0], EPOLLIN, 0);
  CHECK(get(pipes[0][0]) == 'a');
  put(turn[1], '1');
  expect(pipes[1][0], EPOLLIN, -1);
  CHECK(epoll_wait(set, &event, 1, 0) == 0);
  say("edge told once");
  put(turn[1], '2');
  expect(counter, EPOLLIN, -1);
  CHECK(epoll_wait(set, &event, 1, 0) == 0);
  event = (struct epoll_event){.events = EPOLLIN | EPOLLONESHOT, .data = {.fd = counter}};
  CHECK(epoll_ctl(set, EPOLL_CTL_MOD, counter, &event) == 0);
  expect(counter, EPOLLIN, 0);
  say("one shot armed again");
  CHECK(epoll_ctl(set, EPOLL_CTL_DEL, counter, 0) == 0);
  CHECK(epoll_ctl(set, EPOLL_CTL_DEL, counter, 0) == -1 && errno == ENOENT);
  put(turn[1], '3');
  CHECK_EXIT(pid, 0);
  close(pipes[0][1]);
  expect(pipes[0][0], EPOLLHUP, -1);
  return pass();
}
