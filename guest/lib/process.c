// Processes for a libc that has none: fork, exec, spawn, wait, groups and sessions, over the calls of wvm.h.
#include "errno-result.h"
#include "posix.h"
#include <limits.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

// Longer lists of arguments go to the heap; a child of vfork would leave them in its parent's.
enum { ON_STACK_MAX = 4096 };

pid_t fork(void) {
  uint32_t pid;
  return errno_result(wasix_proc_fork(1, &pid)) == 0 ? (pid_t)pid : -1;
}

// ---- exec ----

// Bytes of the strings, each with one line feed or NUL after it; -1 if one holds a line feed, which separates them.
static long joined_size(char *const strings[]) {
  long size = 1;
  for (unsigned i = 0; strings && strings[i]; i++) {
    if (strchr(strings[i], '\n')) return -1;
    size += (long)strlen(strings[i]) + 1;
  }
  return size;
}

static size_t join(char *const strings[], char *text) {
  char *end = text;
  for (unsigned i = 0; strings && strings[i]; i++) {
    if (i > 0) *end++ = '\n';
    size_t length = strlen(strings[i]);
    memcpy(end, strings[i], length);
    end += length;
  }
  return (size_t)(end - text);
}

struct program {
  const char *name;
  size_t name_size;
  const char *args;
  size_t args_size;
  const char *envs;
  size_t envs_size;
  const char *path;
  size_t path_size;
  int searches;
};

struct spawning {
  const posix_spawn_file_actions_t *actions;
  pid_t *pid;
};

// Execs, or spawns if told how; an errno.
static int start(const struct program *program, const struct spawning *spawning) {
  const struct program *p = program;
  if (!spawning) {
    return wasix_proc_exec3(p->name, p->name_size, p->args, p->args_size, p->envs, p->envs_size, (uint32_t)p->searches,
                            p->path, p->path_size);
  }
  const posix_spawn_file_actions_t *actions = spawning->actions;
  uint32_t pid = 0;
  int error = wasix_proc_spawn2(p->name, p->name_size, p->args, p->args_size, p->envs, p->envs_size,
                                actions ? actions->operations : 0, actions ? actions->count : 0, 0, 0,
                                (uint32_t)p->searches, p->path, p->path_size, &pid);
  if (error == 0 && spawning->pid) *spawning->pid = (pid_t)pid;
  return error;
}

static int run(const char *file, int searches, char *const argv[], char *const envp[], const struct spawning *spawning) {
  long args_size = joined_size(argv), envs_size = joined_size(envp);
  if (args_size < 0 || envs_size < 0) return EINVAL;
  size_t size = (size_t)(args_size + envs_size);
  char *text = size <= ON_STACK_MAX ? __builtin_alloca(size) : malloc(size);
  if (!text) return ENOMEM;
  const char *path = searches ? getenv("PATH") : 0;
  struct program program = {
      .name = file,
      .name_size = strlen(file),
      .args = text,
      .args_size = join(argv, text),
      .envs = text + args_size,
      .envs_size = join(envp, text + args_size),
      .path = path,
      .path_size = path ? strlen(path) : 0,
      // A name with a slash is a path.
      .searches = searches && !strchr(file, '/'),
  };
  int error = start(&program, spawning);
  if (size > ON_STACK_MAX) free(text);
  return error;
}

int execve(const char *path, char *const argv[], char *const envp[]) {
  return errno_result(run(path, 0, argv, envp, 0));
}

int execvpe(const char *file, char *const argv[], char *const envp[]) {
  return errno_result(run(file, 1, argv, envp, 0));
}

extern char **environ;

int execv(const char *path, char *const argv[]) { return execve(path, argv, environ); }
int execvp(const char *file, char *const argv[]) { return execvpe(file, argv, environ); }

// ---- spawn ----

int posix_spawn(pid_t *pid, const char *path, const posix_spawn_file_actions_t *actions, const posix_spawnattr_t *attributes,
                char *const argv[], char *const envp[]) {
  if (attributes) return ENOTSUP;
  return run(path, 0, argv, envp, &(struct spawning){actions, pid});
}

int posix_spawnp(pid_t *pid, const char *file, const posix_spawn_file_actions_t *actions,
                 const posix_spawnattr_t *attributes, char *const argv[], char *const envp[]) {
  if (attributes) return ENOTSUP;
  return run(file, 1, argv, envp, &(struct spawning){actions, pid});
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
