// Locks of whole files belong to open files, record locks to processes; both are waited for and end with their owners.
#include "tree.h"
#include <sys/file.h>

static int turn[2];

static int waits_for_lock(int parent) {
  int fd = open("file-locks.txt", O_RDWR);
  CHECK(flock(fd, LOCK_EX | LOCK_NB) == -1 && errno == EAGAIN);
  struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 5, .l_len = 10};
  CHECK(fcntl(fd, F_GETLK, &lock) == 0);
  CHECK(lock.l_type == F_WRLCK && lock.l_start == 10 && lock.l_len == 20 && lock.l_pid == parent);
  lock = (struct flock){.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 15, .l_len = 1};
  CHECK(fcntl(fd, F_SETLK, &lock) == -1 && (errno == EAGAIN || errno == EACCES));
  put(turn[1], '1');
  CHECK(flock(fd, LOCK_EX) == 0);
  put(turn[1], '2');
  CHECK(fcntl(fd, F_SETLKW, &lock) == 0);
  put(turn[1], '3');
  return 0;
}

int main(void) {
  int fd = open("file-locks.txt", O_RDWR | O_CREAT, 0644);
  CHECK(fd >= 0 && pipe(turn) == 0);
  CHECK(flock(fd, LOCK_SH) == 0);
  struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 10, .l_len = 20};
  CHECK(fcntl(fd, F_SETLK, &lock) == 0);
  pid_t pid = start(waits_for_lock, getpid());
  CHECK(get(turn[0]) == '1');
  work(20);
  CHECK(flock(fd, LOCK_UN) == 0);
  CHECK(get(turn[0]) == '2');
  work(20);
  lock.l_type = F_UNLCK;
  CHECK(fcntl(fd, F_SETLK, &lock) == 0);
  CHECK(get(turn[0]) == '3');
  CHECK_EXIT(pid, 0);
  // The child's locks have gone with it.
  lock.l_type = F_WRLCK;
  CHECK(flock(fd, LOCK_EX | LOCK_NB) == 0 && fcntl(fd, F_SETLK, &lock) == 0);
  CHECK(unlink("file-locks.txt") == 0);
  return pass();
}
