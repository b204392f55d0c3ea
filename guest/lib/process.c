// Processes for a libc that has none: fork, exec, spawn, wait, groups and sessions, over the calls of wvm.h.
#include "errno-result.h"
#include "posix.h"
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

pid_t fork(void) {
  uint32_t pid;
  return errno_result(wasix_proc_fork(1, &pid)) == 0 ? (pid_t)pid : -1;
}

// ---- exec and spawn ----

extern char **environ;

// Where a name without a slash is looked for: "" is the kernel's default.
static const char *search_path(const char *file) {
  if (strchr(file, '/')) return 0;
  const char *path = getenv("PATH");
  return path ? path : "";
}

int execve(const char *path, char *const argv[], char *const envp[]) {
  return errno_result(wvm_exec(path, strlen(path), argv, envp, 0));
}

int execvpe(const char *file, char *const argv[], char *const envp[]) {
  return errno_result(wvm_exec(file, strlen(file), argv, envp, search_path(file)));
}

int execv(const char *path, char *const argv[]) { return execve(path, argv, environ); }
int execvp(const char *file, char *const argv[]) { return execvpe(file, argv, environ); }

static int spawn(pid_t *pid, const char *file, const char *search, const posix_spawn_file_actions_t *actions,
                 const posix_spawnattr_t *attributes, char *const argv[], char *const envp[]) {
  uint32_t child = 0;
  if (attributes) return ENOTSUP;
  int error = wvm_spawn(file, strlen(file), argv, envp, search, actions ? actions->operations : 0,
                        actions ? actions->count : 0, &child);
  if (error == 0 && pid) *pid = (pid_t)child;
  return error;
}

int posix_spawn(pid_t *pid, const char *path, const posix_spawn_file_actions_t *actions, const posix_spawnattr_t *attributes,
                char *const argv[], char *const envp[]) {
  return spawn(pid, path, 0, actions, attributes, argv, envp);
}

int posix_spawnp(pid_t *pid, const char *file, const posix_spawn_file_actions_t *actions,
                 const posix_spawnattr_t *attributes, char *const argv[], char *const envp[]) {
  return spawn(pid, file, search_path(file), actions, attributes, argv, envp);
}

int posix_spawn_file_actions_init(posix_spawn_file_actions_t *actions) {
  *actions = (posix_spawn_file_actions_t){0};
  return 0;
}

int posix_spawn_file_actions_destroy(posix_spawn_file_actions_t *actions) {
  free(actions->operations);
  return posix_spawn_file_actions_init(actions);
}

static int add_action(posix_spawn_file_actions_t *actions, struct wasix_spawn_fd_op operation) {
  if (actions->count == actions->capacity) {
    unsigned capacity = actions->capacity * 2 + 4;
    struct wasix_spawn_fd_op *grown = realloc(actions->operations, capacity * sizeof *grown);
    if (!grown) return ENOMEM;
    actions->operations = grown;
    actions->capacity = capacity;
  }
  actions->operations[actions->count++] = operation;
  return 0;
}

int posix_spawn_file_actions_addclose(posix_spawn_file_actions_t *actions, int fd) {
  return add_action(actions, (struct wasix_spawn_fd_op){.command = WASIX_SPAWN_CLOSE, .fd = (uint32_t)fd});
}

int posix_spawn_file_actions_adddup2(posix_spawn_file_actions_t *actions, int fd, int result) {
  return add_action(actions, (struct wasix_spawn_fd_op){
                                 .command = WASIX_SPAWN_DUP2, .fd = (uint32_t)result, .source_fd = (uint32_t)fd});
}

// ---- wait ----

pid_t waitpid(pid_t pid, int *status, int options) {
  uint32_t waited = 0, value = 0;
  if (errno_result(wvm_waitpid(pid, &value, (uint32_t)options, &waited)) < 0) return -1;
  if (status && waited != 0) *status = (int)value;
  return (pid_t)waited;
}

pid_t wait(int *status) { return waitpid(-1, status, 0); }

pid_t wait4(pid_t pid, int *status, int options, struct rusage *usage) {
  if (usage) memset(usage, 0, sizeof *usage);
  return waitpid(pid, status, options);
}

pid_t wait3(int *status, int options, struct rusage *usage) { return wait4(-1, status, options, usage); }

// ---- Identity ----

pid_t getpid(void) {
  uint32_t pid = 0;
  wasix_proc_id(&pid);
  return (pid_t)pid;
}

pid_t getppid(void) {
  uint32_t pid = 0;
  wasix_proc_parent(getpid(), &pid);
  return (pid_t)pid;
}

pid_t gettid(void) {
  uint32_t tid = 0;
  wasix_thread_id(&tid);
  return (pid_t)tid;
}

pid_t getpgid(pid_t pid) {
  uint32_t pgid;
  return errno_result(wvm_getpgid(pid, &pgid)) == 0 ? (pid_t)pgid : -1;
}

pid_t getpgrp(void) { return getpgid(0); }

pid_t getsid(pid_t pid) {
  uint32_t sid;
  return errno_result(wvm_getsid(pid, &sid)) == 0 ? (pid_t)sid : -1;
}

pid_t setsid(void) {
  uint32_t sid;
  return errno_result(wvm_setsid(&sid)) == 0 ? (pid_t)sid : -1;
}

int setpgid(pid_t pid, pid_t pgid) { return errno_result(wvm_setpgid(pid, pgid)); }
int setpgrp(void) { return setpgid(0, 0); }

int prctl(int option, ...) {
  va_list list;
  va_start(list, option);
  char *name = va_arg(list, char *);
  va_end(list);
  switch (option) {
  case PR_SET_NAME:
    return errno_result(wvm_thread_set_name(name, strnlen(name, 15)));
  case PR_GET_NAME:
    return errno_result(wvm_thread_get_name(name));
  default:
    return errno_result(EINVAL);
  }
}
