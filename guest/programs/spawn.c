// A program started without a fork, with its descriptors arranged on the way.
#include "tree.h"
#include <stdlib.h>
#include <string.h>

static int spawned(void) {
  char text[8];
  CHECK(read(0, text, sizeof text) == 5 && memcmp(text, "hello", 5) == 0);
  work(10);
  CHECK(write(1, "HELLO", 5) == 5 && strcmp(getenv("STAGE"), "two") == 0);
  CHECK(fcntl(30, F_GETFD) == -1 && errno == EBADF);
  return 21;
}

int main(int argc, char *argv[]) {
  (void)argv;
  if (argc > 1) return spawned();
  int input[2], output[2];
  char text[8];
  CHECK(pipe2(input, O_CLOEXEC) == 0 && pipe2(output, O_CLOEXEC) == 0 && dup2(input[0], 30) == 30);
  posix_spawn_file_actions_t actions;
  CHECK(posix_spawn_file_actions_init(&actions) == 0);
  CHECK(posix_spawn_file_actions_adddup2(&actions, input[0], 0) == 0);
  CHECK(posix_spawn_file_actions_adddup2(&actions, output[1], 1) == 0);
  CHECK(posix_spawn_file_actions_addclose(&actions, 30) == 0);
  char *arguments[] = {"self", "spawned", 0}, *environment[] = {"STAGE=two", 0};
  pid_t pid = 0;
  CHECK(posix_spawn(&pid, "self", &actions, 0, arguments, environment) == 0 && pid > 1);
  CHECK(posix_spawn(&pid, "no-such-program.wasm", &actions, 0, arguments, environment) == ENOENT);
  CHECK(posix_spawn_file_actions_destroy(&actions) == 0);
  close(output[1]);
  CHECK(write(input[1], "hello", 5) == 5);
  CHECK(read(output[0], text, sizeof text) == 5 && memcmp(text, "HELLO", 5) == 0);
  CHECK_EXIT(pid, 21);
  CHECK(get(output[0]) == -1);
  return pass();
}
