// A stopped process does nothing until it is continued; its parent hears of both.
#include "tree.h"
#include <signal.h>

static int to_child[2], from_child[2];

static int answers(int unused) {
  (void)unused;
  for (int byte; (byte = get(to_child[0])) > 0;) {
    if (byte == 's') CHECK(raise(SIGSTOP) == 0);
    work(4);
    put(from_child[1], (char)(byte + 1));
  }
  return 4;
}

int main(void) {
  int status;
  char byte;
  CHECK(pipe(to_child) == 0 && pipe(from_child) == 0);
  pid_t pid = fork();
  if (pid == 0) {
    close(to_child[1]);
    _exit(answers(0));
  }
  put(to_child[1], 'a');
  CHECK(get(from_child[0]) == 'b');
  put(to_child[1], 's');
  CHECK(waitpid(pid, &status, WUNTRACED) == pid && WIFSTOPPED(status) && WSTOPSIG(status) == SIGSTOP);
  CHECK(waitpid(pid, &status, WUNTRACED | WNOHANG) == 0);
  // Signals wait, but for SIGCONT and SIGKILL.
  work(40);
  CHECK(fcntl(from_child[0], F_SETFL, O_NONBLOCK) == 0);
  CHECK(read(from_child[0], &byte, 1) == -1 && errno == EAGAIN);
  CHECK(fcntl(from_child[0], F_SETFL, 0) == 0);
  CHECK(kill(pid, SIGCONT) == 0);
  CHECK(waitpid(pid, &status, WCONTINUED) == pid && WIFCONTINUED(status));
  CHECK(get(from_child[0]) == 't');
  // Stopped by somebody else, in a call.
  CHECK(kill(pid, SIGSTOP) == 0);
  CHECK(waitpid(pid, &status, WUNTRACED) == pid && WIFSTOPPED(status));
  put(to_child[1], 'c');
  work(40);
  CHECK(kill(pid, SIGCONT) == 0 && get(from_child[0]) == 'd');
  close(to_child[1]);
  CHECK(waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 4);
  return pass();
}
