// Descriptors beyond wasi-libc's: pipes, duplicates, close-on-exec, locks, eventfd, epoll. fcntl and the function under every
// open() replace those of wasi-libc, which know neither duplicates, nor locks, nor close-on-exec.
#include "errno-result.h"
#include "posix.h"
#include <limits.h>
#include <stdarg.h>
#include <string.h>
#include <wasi/api.h>

static int set_cloexec(int fd, int is_set) {
  return errno_result(wasix_fd_fdflags_set(fd, is_set ? WASIX_FD_CLOEXEC : 0));
}

// ---- Opening ----

// wasi-libc keeps WASI's fdflags in the lower 12 bits of the flags of open() and its oflags in the next 12.
int __wasilibc_nocwd_openat_nomode(int dir, const char *path, int flags) {
  const uint64_t reading = __WASI_RIGHTS_FD_READ | __WASI_RIGHTS_FD_READDIR;
  const uint64_t writing = __WASI_RIGHTS_FD_DATASYNC | __WASI_RIGHTS_FD_WRITE | __WASI_RIGHTS_FD_ALLOCATE |
                           __WASI_RIGHTS_FD_FILESTAT_SET_SIZE;
  uint64_t rights = ~(reading | writing);
  int access = flags & O_ACCMODE;
  if (access != O_EXEC && access != O_SEARCH && !(access & O_RDWR)) return errno_result(EINVAL);
  if (access & O_RDONLY) rights |= reading;
  if (access & O_WRONLY) rights |= writing;
  __wasi_fdstat_t stat;
  if (errno_result(__wasi_fd_fdstat_get(dir, &stat)) < 0) return -1;
  uint32_t fd;
  int error = wasix_path_open2(dir, flags & O_NOFOLLOW ? 0 : __WASI_LOOKUPFLAGS_SYMLINK_FOLLOW, path, strlen(path),
                               (flags >> 12) & 0xfff, rights & stat.fs_rights_inheriting, stat.fs_rights_inheriting,
                               flags & 0xfff, flags & O_CLOEXEC ? WASIX_FD_CLOEXEC : 0, &fd);
  return errno_result(error) < 0 ? -1 : (int)fd;
}

// ---- Pipes and duplicates ----

int pipe2(int fds[2], int flags) {
  uint32_t ends[2];
  uint32_t wanted = (uint32_t)(flags & O_NONBLOCK) | (flags & O_CLOEXEC ? WVM_PIPE_CLOEXEC : 0);
  if (errno_result(wvm_pipe2(wanted, ends)) < 0) return -1;
  fds[0] = (int)ends[0];
  fds[1] = (int)ends[1];
  return 0;
}

int pipe(int fds[2]) {
  uint32_t ends[2];
  if (errno_result(wasix_fd_pipe(&ends[0], &ends[1])) < 0) return -1;
  fds[0] = (int)ends[0];
  fds[1] = (int)ends[1];
  return 0;
}

// The lowest free descriptor from `least` on.
static int duplicate(int fd, int least, int cloexec) {
  uint32_t result;
  if (least < 0) return errno_result(EINVAL);
  return errno_result(wasix_fd_dup2(fd, least, (uint32_t)cloexec, &result)) < 0 ? -1 : (int)result;
}

static int is_open(int fd) {
  uint8_t flags[2];
  return errno_result(wasix_fd_fdflags_get(fd, flags)) == 0;
}

int dup(int fd) { return duplicate(fd, 0, 0); }

int dup3(int fd, int result, int flags) {
  if (fd == result) return errno_result(EINVAL);
  if (!is_open(fd)) return -1;
  if (result < 0) return errno_result(EBADF);
  close(result); // It need not be open.
  return duplicate(fd, result, (flags & O_CLOEXEC) != 0);
}

int dup2(int fd, int result) {
  if (fd == result) return is_open(fd) ? fd : -1;
  return dup3(fd, result, 0);
}

int socketpair(int family, int type, int protocol, int fds[2]) {
  uint32_t ends[2];
  int error = wasix_sock_pair((uint32_t)family, (uint32_t)type, (uint32_t)protocol, &ends[0], &ends[1]);
  if (errno_result(error) < 0) return -1;
  fds[0] = (int)ends[0];
  fds[1] = (int)ends[1];
  return 0;
}

// ---- fcntl and locks ----

static int record_lock(int fd, int command, struct flock *lock) {
  struct wvm_flock record = {
      .type = lock->l_type, .whence = lock->l_whence, .start = lock->l_start, .length = lock->l_len};
  // wasi-libc numbers SEEK_CUR 1 and SEEK_END 2, as the kernel does.
  if (errno_result(wvm_record_lock(fd, (uint32_t)command, &record)) < 0) return -1;
  if (command == F_GETLK) {
    lock->l_type = record.type;
    if (record.type == F_UNLCK) return 0;
    lock->l_whence = record.whence;
    lock->l_start = record.start;
    lock->l_len = record.length;
    lock->l_pid = record.pid;
  }
  return 0;
}

int fcntl(int fd, int command, ...) {
  va_list list;
  va_start(list, command);
  // An int and a pointer are passed alike.
  uintptr_t argument = command == F_GETFD || command == F_GETFL ? 0 : va_arg(list, uintptr_t);
  va_end(list);
  switch (command) {
  case F_DUPFD:
  case F_DUPFD_CLOEXEC:
    return duplicate(fd, (int)argument, command == F_DUPFD_CLOEXEC);
  case F_GETFD: {
    uint8_t flags[2] = {0};
    if (errno_result(wasix_fd_fdflags_get(fd, flags)) < 0) return -1;
    return flags[0] & WASIX_FD_CLOEXEC ? FD_CLOEXEC : 0;
  }
  case F_SETFD:
    return set_cloexec(fd, argument & FD_CLOEXEC);
  case F_GETFL: {
    __wasi_fdstat_t stat;
    if (errno_result(__wasi_fd_fdstat_get(fd, &stat)) < 0) return -1;
    int flags = stat.fs_flags;
    if (stat.fs_rights_base & (__WASI_RIGHTS_FD_READ | __WASI_RIGHTS_FD_READDIR)) flags |= O_RDONLY;
    if (stat.fs_rights_base & __WASI_RIGHTS_FD_WRITE) flags |= O_WRONLY;
    return flags & O_RDWR ? flags : flags | O_SEARCH;
  }
  case F_SETFL:
    return errno_result(__wasi_fd_fdstat_set_flags(fd, (__wasi_fdflags_t)(argument & 0xfff)));
  case F_GETLK:
  case F_SETLK:
  case F_SETLKW:
    return record_lock(fd, command, (struct flock *)argument);
  default:
    return errno_result(EINVAL);
  }
}

int flock(int fd, int operation) { return errno_result(wvm_flock(fd, (uint32_t)operation)); }

// ---- eventfd ----

int eventfd(unsigned value, int flags) {
  uint32_t fd;
  if (errno_result(wasix_fd_event(value, flags & EFD_SEMAPHORE ? WASIX_EVENT_SEMAPHORE : 0, &fd)) < 0) return -1;
  if (flags & EFD_NONBLOCK) fcntl((int)fd, F_SETFL, O_NONBLOCK);
  if (flags & O_CLOEXEC) set_cloexec((int)fd, 1);
  return (int)fd;
}

int eventfd_read(int fd, eventfd_t *value) { return read(fd, value, sizeof *value) == sizeof *value ? 0 : -1; }
int eventfd_write(int fd, eventfd_t value) { return write(fd, &value, sizeof value) == sizeof value ? 0 : -1; }

// ---- epoll: Linux's bits and WASIX's ----

static const struct {
  uint32_t linux, wasix;
} EPOLL_BITS[] = {
    {EPOLLIN, WASIX_EPOLL_IN},   {EPOLLOUT, WASIX_EPOLL_OUT}, {EPOLLRDHUP, WASIX_EPOLL_RDHUP},
    {EPOLLPRI, WASIX_EPOLL_PRI}, {EPOLLERR, WASIX_EPOLL_ERR}, {EPOLLHUP, WASIX_EPOLL_HUP},
    {EPOLLET, WASIX_EPOLL_ET},   {EPOLLONESHOT, WASIX_EPOLL_ONESHOT},
};

static uint32_t to_wasix(uint32_t linux) {
  uint32_t bits = 0;
  for (unsigned i = 0; i < sizeof EPOLL_BITS / sizeof *EPOLL_BITS; i++) {
    if (linux & EPOLL_BITS[i].linux) bits |= EPOLL_BITS[i].wasix;
  }
  return bits;
}

static uint32_t to_linux(uint32_t wasix) {
  uint32_t bits = 0;
  for (unsigned i = 0; i < sizeof EPOLL_BITS / sizeof *EPOLL_BITS; i++) {
    if (wasix & EPOLL_BITS[i].wasix) bits |= EPOLL_BITS[i].linux;
  }
  return bits;
}

int epoll_create1(int flags) {
  uint32_t fd;
  if (errno_result(wasix_epoll_create(&fd)) < 0) return -1;
  if (flags & EPOLL_CLOEXEC) set_cloexec((int)fd, 1);
  return (int)fd;
}

int epoll_create(int size) { return size <= 0 ? errno_result(EINVAL) : epoll_create1(0); }

int epoll_ctl(int epfd, int operation, int fd, struct epoll_event *event) {
  static const uint32_t OPERATIONS[] = {
      [EPOLL_CTL_ADD] = WASIX_EPOLL_CTL_ADD, [EPOLL_CTL_DEL] = WASIX_EPOLL_CTL_DEL, [EPOLL_CTL_MOD] = WASIX_EPOLL_CTL_MOD};
  if (operation < EPOLL_CTL_ADD || operation > EPOLL_CTL_MOD) return errno_result(EINVAL);
  struct wasix_epoll_event record = {0};
  if (event) {
    record.events = to_wasix(event->events);
    record.fd = fd;
    record.data2 = event->data.u64;
  }
  return errno_result(wasix_epoll_ctl(epfd, OPERATIONS[operation], fd, &record));
}

int epoll_wait(int epfd, struct epoll_event *events, int capacity, int timeout_ms) {
  enum { AT_ONCE_MAX = 64 };
  struct wasix_epoll_event records[AT_ONCE_MAX];
  if (capacity <= 0) return errno_result(EINVAL);
  if (capacity > AT_ONCE_MAX) capacity = AT_ONCE_MAX;
  uint32_t count = 0;
  uint64_t timeout_ns = timeout_ms < 0 ? UINT64_MAX : (uint64_t)timeout_ms * 1000000u;
  if (errno_result(wasix_epoll_wait(epfd, records, (size_t)capacity, timeout_ns, &count)) < 0) return -1;
  for (uint32_t i = 0; i < count; i++) {
    events[i] = (struct epoll_event){.events = to_linux(records[i].events), .data = {.u64 = records[i].data2}};
  }
  return (int)count;
}
