// Runs lists. A pipeline becomes a group of processes, so that a signal reaches all of it; a builtin alone runs in the shell itself.
// Ctrl-C ends what runs in the foreground: the shell hands it on and forgets the rest of the line.
#include "shell.h"

enum { JOBS_MAX = 64, NOT_FOUND = 127, NOT_RUNNABLE = 126, SIGNAL_STATUS = 128 };

int last_status, is_interactive;
pid_t last_background;
volatile sig_atomic_t was_interrupted;

struct job {
  // 0: free.
  pid_t group, last;
  int left, status, is_stopped;
  char text[60];
};
static struct job jobs[JOBS_MAX];

static int status_of(int status) { return WIFEXITED(status) ? WEXITSTATUS(status) : SIGNAL_STATUS + WTERMSIG(status); }

// ---- Redirections ----

static int open_target(const struct redirection *redirection, const char *target) {
  switch (redirection->kind) {
  case READ_FROM:
    return open(target, O_RDONLY);
  case WRITE_TO:
    return open(target, O_WRONLY | O_CREAT | O_TRUNC, 0666);
  case APPEND_TO:
    return open(target, O_WRONLY | O_CREAT | O_APPEND, 0666);
  default:
    return dup(atoi(target));
  }
}

static int redirect(const struct redirection *redirection) {
  for (; redirection; redirection = redirection->next) {
    char *target = expand_one(redirection->target);
    int fd = open_target(redirection, target);
    if (fd < 0) {
      complain(target, strerror(errno));
      return -1;
    }
    if (fd == redirection->fd) continue;
    if (dup2(fd, redirection->fd) < 0) return -1;
    close(fd);
  }
  return 0;
}

// ---- Commands ----

// NAME=value before a command; how many words they are.
static unsigned assign(char **words) {
  unsigned count = 0;
  for (; words[count]; count++) {
    char *equals = strchr(words[count], '=');
    if (!equals || equals == words[count] || (words[count][0] >= '0' && words[count][0] <= '9')) break;
    setenv(take_text(words[count], (size_t)(equals - words[count])), expand_one(equals + 1), 1);
  }
  return count;
}

static struct words expand_all(char **words) {
  struct words result = {0};
  words_add(&result, "");
  result.count = 0;
  result.items[0] = 0;
  for (; *words; words++) expand(*words, &result);
  return result;
}

// In a process of its own; does not return.
static _Noreturn void execute(const struct command *command) {
  if (redirect(command->redirections) < 0) _exit(1);
  unsigned assigned = command->words.count ? assign(command->words.items) : 0;
  struct words words = expand_all(command->words.count ? command->words.items + assigned : (char *[]){0});
  if (!words.count) _exit(0);
  builtin *builtin = builtin_named(words.items[0]);
  if (builtin) _exit(builtin(words.items));
  execvp(words.items[0], words.items);
  int error = errno;
  if (error == ENOEXEC) {
    // Not a module: a script.
    int fd = open(words.items[0], O_RDONLY | O_CLOEXEC);
    if (fd >= 0) {
      // They outlive the line.
      parameters = calloc(words.count + 1, sizeof *parameters);
      for (unsigned i = 0; i < words.count; i++) parameters[i] = strdup(words.items[i]);
      parameter_count = words.count - 1;
      is_interactive = 0;
      _exit(run_input(fd));
    }
  }
  complain(words.items[0], error == ENOENT ? "not found" : strerror(error));
  _exit(error == ENOENT ? NOT_FOUND : NOT_RUNNABLE);
}

// A child that does not yet catch signals by itself: what comes early must not run the shell's handler in it.
static pid_t fork_quietly(pid_t group) {
  sigset_t all, old;
  sigfillset(&all);
  sigprocmask(SIG_BLOCK, &all, &old);
  pid_t pid = fork();
  if (pid == 0) {
    setpgid(0, group);
    signal(SIGINT, SIG_DFL);
    signal(SIGQUIT, SIG_DFL);
    signal(SIGTSTP, SIG_DFL);
  }
  sigprocmask(SIG_SETMASK, &old, 0);
  return pid;
}

// Its processes, one for each command, in one group.
static struct job begin(const struct pipeline *pipeline) {
  struct job job = {0};
  int input = -1;
  for (const struct command *command = pipeline->commands; command; command = command->next) {
    int ends[2] = {-1, -1};
    if (command->next && pipe2(ends, O_CLOEXEC) < 0) {
      complain("pipe", strerror(errno));
      break;
    }
    pid_t pid = fork_quietly(job.group);
    if (pid == 0) {
      if (input >= 0) dup2(input, 0);
      if (ends[1] >= 0) dup2(ends[1], 1);
      execute(command);
    }
    if (input >= 0) close(input);
    if (ends[1] >= 0) close(ends[1]);
    input = ends[0];
    if (pid < 0) {
      complain("fork", strerror(errno));
      break;
    }
    if (!job.group) job.group = pid;
    setpgid(pid, job.group);
    job.last = pid;
    job.left++;
  }
  if (input >= 0) close(input);
  return job;
}

// A builtin without a pipeline: the shell's own descriptors are put aside for it. Those of exec stay as it has made them.
static int run_here(builtin *builtin, const struct command *command, char **words) {
  int saved[3] = {-1, -1, -1}, status = 1;
  for (const struct redirection *r = command->redirections; r; r = r->next) {
    if (r->fd < 3 && saved[r->fd] < 0) saved[r->fd] = fcntl(r->fd, F_DUPFD_CLOEXEC, 10);
  }
  if (redirect(command->redirections) == 0) status = builtin ? builtin(words) : 0;
  int stays = status == 0 && words && strcmp(words[0], "exec") == 0;
  for (int fd = 0; fd < 3; fd++) {
    if (saved[fd] < 0) continue;
    if (!stays) dup2(saved[fd], fd);
    close(saved[fd]);
  }
  return status;
}

// ---- Jobs ----

static struct job *keep(struct job job, const char *text) {
  for (int i = 0; i < JOBS_MAX; i++) {
    if (jobs[i].group) continue;
    strncpy(job.text, text, sizeof job.text - 1);
    jobs[i] = job;
    return &jobs[i];
  }
  complain("jobs", "there are too many");
  return 0;
}

volatile pid_t foreground;

pid_t job_group(int number) { return number > 0 && number <= JOBS_MAX && jobs[number - 1].group ? jobs[number - 1].group : -1; }

// Waits for one change of a job. Below 0: interrupted, or nothing is left to wait for.
static int wait_once(struct job *job, int options) {
  int status;
  pid_t pid = waitpid(-job->group, &status, options | WUNTRACED | WCONTINUED);
  if (pid == 0) return -1;
  if (pid < 0) {
    if (errno == EINTR) return -1;
    job->left = 0;
  } else if (WIFSTOPPED(status)) {
    job->is_stopped = 1;
  } else if (WIFCONTINUED(status)) {
    job->is_stopped = 0;
  } else {
    job->left--;
    if (pid == job->last) job->status = status_of(status);
  }
  return 0;
}

static void print_job(const struct job *job) {
  print(1, "[");
  print_number(1, (int)(job - jobs) + 1);
  print(1, job->left == 0 ? "] done  " : job->is_stopped ? "] stopped  " : "] running  ");
  print(1, job->text);
  print(1, "\n");
}

static int finish(struct job *job, const char *text) {
  foreground = job->group;
  while (job->left > 0 && !job->is_stopped) {
    if (wait_once(job, 0) < 0 && was_interrupted) killpg(job->group, SIGINT);
  }
  foreground = 0;
  if (job->is_stopped) {
    struct job *kept = keep(*job, text);
    if (kept) print_job(kept);
    return SIGNAL_STATUS + SIGTSTP;
  }
  return job->status;
}

int continue_job(int number, int in_foreground) {
  // The last one, if none is named.
  for (int i = JOBS_MAX; number == 0 && i > 0; i--) {
    if (jobs[i - 1].group) number = i;
  }
  if (job_group(number) < 0) {
    complain(in_foreground ? "fg" : "bg", "no such job");
    return 1;
  }
  struct job *job = &jobs[number - 1], copy = *job;
  if (in_foreground) job->group = 0;
  job->is_stopped = copy.is_stopped = 0;
  killpg(copy.group, SIGCONT);
  return in_foreground ? finish(&copy, copy.text) : 0;
}

void tell_of_ended_jobs(void) {
  for (struct job *job = jobs; job < jobs + JOBS_MAX; job++) {
    if (!job->group) continue;
    while (job->left > 0 && wait_once(job, WNOHANG) == 0);
    if (job->left > 0) continue;
    if (is_interactive) print_job(job);
    job->group = 0;
  }
}

void print_jobs(void) {
  for (struct job *job = jobs; job < jobs + JOBS_MAX; job++) {
    if (!job->group) continue;
    while (job->left > 0 && wait_once(job, WNOHANG) == 0);
    print_job(job);
    if (job->left == 0) job->group = 0;
  }
}

int wait_for_jobs(void) {
  for (struct job *job = jobs; job < jobs + JOBS_MAX; job++) {
    if (!job->group) continue;
    while (job->left > 0 && !was_interrupted) wait_once(job, 0);
    if (job->left == 0) job->group = 0;
  }
  return was_interrupted ? SIGNAL_STATUS + SIGINT : 0;
}

int wait_for_pid(pid_t pid) {
  for (struct job *job = jobs; job < jobs + JOBS_MAX; job++) {
    if (!job->group || (job->last != pid && job->group != pid)) continue;
    while (job->left > 0 && !was_interrupted) wait_once(job, 0);
    if (job->left == 0) job->group = 0;
    return job->status;
  }
  return NOT_FOUND;
}

// ---- Lists ----

static int run_pipeline(const struct pipeline *pipeline, const char *text) {
  const struct command *only = pipeline->commands->next ? 0 : pipeline->commands;
  if (only) {
    unsigned assigned = 0;
    char **words = only->words.count ? only->words.items : (char *[]){0};
    // Assignments with no command are the shell's own.
    while (words[assigned] && strchr(words[assigned], '=') && words[assigned][0] != '=') assigned++;
    if (!words[assigned]) {
      assign(words);
      return run_here(0, only, 0);
    }
    struct words expanded = expand_all(words + assigned);
    builtin *builtin = expanded.count && assigned == 0 ? builtin_named(expanded.items[0]) : 0;
    if (builtin) return run_here(builtin, only, expanded.items);
  }
  struct job job = begin(pipeline);
  return job.left ? finish(&job, text) : 1;
}

static int run_pipelines(const struct list *list) {
  int status = 0;
  for (const struct pipeline *p = list->pipelines; p && !was_interrupted; p = p->next) {
    if ((p->condition == IF_SUCCEEDED && status) || (p->condition == IF_FAILED && !status)) continue;
    status = run_pipeline(p, list->text);
    if (p->is_negated) status = !status;
    last_status = status;
  }
  return status;
}

static void run_in_background(const struct list *list) {
  struct job job = {0};
  if (!list->pipelines->next) job = begin(list->pipelines);
  else {
    // A shell of its own decides what runs next.
    pid_t pid = fork_quietly(0);
    if (pid == 0) {
      is_interactive = 0;
      _exit(run_pipelines(list));
    }
    if (pid > 0) job = (struct job){.group = pid, .last = pid, .left = 1};
  }
  if (!job.left) return;
  last_background = job.last;
  struct job *kept = keep(job, list->text);
  if (is_interactive && kept) print_job(kept);
}

int run_list(const struct list *list) {
  for (; list && !was_interrupted; list = list->next) {
    if (list->is_background) {
      run_in_background(list);
      last_status = 0;
    } else run_pipelines(list);
  }
  if (was_interrupted) last_status = SIGNAL_STATUS + SIGINT;
  return last_status;
}
