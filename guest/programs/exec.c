// A program replaced by another one (itself, with arguments): what exec keeps and what it does not.
#include "tree.h"
#include <signal.h>
#include <stdlib.h>
#include <string.h>

static void handler(int signal) { (void)signal; }

static int number(const char *text) { return atoi(text); }

static int executed(int argc, char *argv[]) {
  CHECK(argc == 6 && strcmp(argv[3], "two\nlines") == 0 && argv[4][0] == 0 && strcmp(argv[5], "ünïx") == 0);
  CHECK(number(argv[2]) == getpid() && getppid() == 1);
  CHECK(strcmp(getenv("PLANET"), "mars") == 0 && !getenv("HOME"));
  struct sigaction action;
  CHECK(sigaction(SIGUSR1, 0, &action) == 0 && action.sa_handler == SIG_DFL);
  CHECK(sigaction(SIGUSR2, 0, &action) == 0 && action.sa_handler == SIG_IGN);
  sigset_t mask, pending;
  CHECK(sigprocmask(SIG_BLOCK, 0, &mask) == 0 && sigismember(&mask, SIGTERM) && !sigismember(&mask, SIGUSR1));
  CHECK(sigpending(&pending) == 0 && sigismember(&pending, SIGTERM));
  work(20);
  return 12;
}

static int executes(char *self) {
  char pid[12] = {0};
  int value = getpid();
  for (int i = 10; i >= 0 && value > 0; i--, value /= 10) {
    memmove(pid + 1, pid, sizeof pid - 2);
    pid[0] = (char)('0' + value % 10);
  }
  sigset_t term = 0;
  sigaddset(&term, SIGTERM);
  CHECK(signal(SIGUSR1, handler) == SIG_DFL && signal(SIGUSR2, SIG_IGN) == SIG_DFL);
  CHECK(sigprocmask(SIG_BLOCK, &term, 0) == 0 && raise(SIGTERM) == 0);
  char *argv[] = {self, "executed", pid, "two\nlines", "", "ünïx", 0};
  char *envp[] = {"PLANET=mars", 0};
  CHECK(execve("no-such-program.wasm", argv, envp) == -1 && errno == ENOENT);
  execve(self, argv, envp);
  return 1;
}

int main(int argc, char *argv[]) {
  if (argc > 1) return executed(argc, argv);
  pid_t pid = fork();
  CHECK(pid >= 0);
  if (pid == 0) _exit(executes("self"));
  CHECK_EXIT(pid, 12);
  say("forked and executed");
  pid = vfork();
  CHECK(pid >= 0);
  if (pid == 0) _exit(executes("self"));
  CHECK_EXIT(pid, 12);
  return pass();
}
