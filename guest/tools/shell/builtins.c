// What only the shell itself can do (cd, exit, export, wait), and small things that are not worth a process (echo, test).
#include "shell.h"
#include <sys/stat.h>

extern char **environ;

static int do_nothing(char **words) {
  (void)words;
  return 0;
}

static int fail(char **words) {
  (void)words;
  return 1;
}

static int echo(char **words) {
  int ends_line = 1;
  words++;
  if (*words && strcmp(*words, "-n") == 0) {
    ends_line = 0;
    words++;
  }
  // One write: what several processes print does not mix within a line.
  size_t size = 2;
  for (char **word = words; *word; word++) size += strlen(*word) + 1;
  char *text = take(size), *end = text;
  for (; *words; words++) {
    end = stpcpy(end, *words);
    if (words[1]) *end++ = ' ';
  }
  if (ends_line) *end++ = '\n';
  size_t length = (size_t)(end - text);
  return length == 0 || write(1, text, length) == (ssize_t)length ? 0 : 1;
}

static int change_directory(char **words) {
  const char *to = words[1] ? words[1] : getenv("HOME");
  if (chdir(to ? to : "/") == 0) return 0;
  complain(to ? to : "/", strerror(errno));
  return 1;
}

static int print_directory(char **words) {
  (void)words;
  char *directory = getcwd(0, 0);
  if (!directory) return fail(words);
  print(1, directory);
  print(1, "\n");
  free(directory);
  return 0;
}

static int export(char **words) {
  if (!words[1]) {
    for (char **variable = environ; variable && *variable; variable++) {
      print(1, *variable);
      print(1, "\n");
    }
  }
  for (words++; *words; words++) {
    char *equals = strchr(*words, '=');
    // Every variable is exported.
    if (equals) setenv(take_text(*words, (size_t)(equals - *words)), equals + 1, 1);
  }
  return 0;
}

static int unset(char **words) {
  for (words++; *words; words++) unsetenv(*words);
  return 0;
}

static int exit_shell(char **words) { exit(words[1] ? atoi(words[1]) : last_status); }

static int show_jobs(char **words) {
  (void)words;
  print_jobs();
  return 0;
}

static int number_of(const char *word) { return word ? atoi(word + (*word == '%')) : 0; }

static int to_foreground(char **words) { return continue_job(number_of(words[1]), 1); }

static int to_background(char **words) { return continue_job(number_of(words[1]), 0); }

// %1 is a job, any other number a process.
static pid_t target_of(const char *word) { return word[0] == '%' ? job_group(atoi(word + 1)) : atoi(word); }

static int wait_for(char **words) {
  if (!words[1]) return wait_for_jobs();
  int status = 0;
  for (words++; *words; words++) status = wait_for_pid(target_of(*words));
  return status;
}

static const struct {
  const char *name;
  int number;
} SIGNALS[] = {{"HUP", SIGHUP},   {"INT", SIGINT},   {"QUIT", SIGQUIT}, {"KILL", SIGKILL}, {"USR1", SIGUSR1},
               {"USR2", SIGUSR2}, {"PIPE", SIGPIPE}, {"ALRM", SIGALRM}, {"TERM", SIGTERM}, {"CHLD", SIGCHLD},
               {"CONT", SIGCONT}, {"STOP", SIGSTOP}, {"TSTP", SIGTSTP}};

static int signal_named(const char *name) {
  if (name[0] >= '0' && name[0] <= '9') return atoi(name);
  if (strncmp(name, "SIG", 3) == 0) name += 3;
  for (unsigned i = 0; i < sizeof SIGNALS / sizeof *SIGNALS; i++) {
    if (strcmp(SIGNALS[i].name, name) == 0) return SIGNALS[i].number;
  }
  return -1;
}

static int send_signal(char **words) {
  int number = SIGTERM, status = 0;
  words++;
  if (*words && **words == '-') number = signal_named(*words++ + 1);
  if (number < 0) {
    complain("kill", "no such signal");
    return 1;
  }
  for (; *words; words++) {
    pid_t pid = target_of(*words);
    if (pid > 0 && kill(**words == '%' ? -pid : pid, number) == 0) continue;
    complain(*words, pid > 0 ? strerror(errno) : "no such job");
    status = 1;
  }
  return status;
}

static int execute(char **words) {
  if (!words[1]) return 0;
  execvp(words[1], words + 1);
  complain(words[1], strerror(errno));
  exit(126);
}

// test: -n, -z, -e, -f, -d TEXT; A = B, A != B, A -eq B and the like; ! before any of them.
static int is_true(char **words, int count) {
  if (count > 0 && strcmp(words[0], "!") == 0) return !is_true(words + 1, count - 1);
  if (count == 0) return 0;
  if (count == 1) return words[0][0] != 0;
  if (count == 2) {
    struct stat stat_;
    int exists = stat(words[1], &stat_) == 0;
    switch (words[0][0] == '-' ? words[0][1] : 0) {
    case 'n':
      return words[1][0] != 0;
    case 'z':
      return words[1][0] == 0;
    case 'e':
      return exists;
    case 'f':
      return exists && S_ISREG(stat_.st_mode);
    case 'd':
      return exists && S_ISDIR(stat_.st_mode);
    default:
      return 0;
    }
  }
  static const char *const COMPARISONS[] = {"-eq", "-ne", "-lt", "-le", "-gt", "-ge"};
  int a = atoi(words[0]), b = atoi(words[2]);
  const int results[] = {a == b, a != b, a < b, a <= b, a > b, a >= b};
  if (strcmp(words[1], "=") == 0) return strcmp(words[0], words[2]) == 0;
  if (strcmp(words[1], "!=") == 0) return strcmp(words[0], words[2]) != 0;
  for (unsigned i = 0; i < 6; i++) {
    if (strcmp(words[1], COMPARISONS[i]) == 0) return results[i];
  }
  return 0;
}

static int test(char **words) {
  int count = 0;
  while (words[count + 1]) count++;
  if (strcmp(words[0], "[") == 0) {
    if (count == 0 || strcmp(words[count], "]") != 0) {
      complain("[", "] is missing");
      return 2;
    }
    count--;
  }
  return !is_true(words + 1, count);
}

static const struct {
  const char *name;
  builtin *run;
} BUILTINS[] = {
    {":", do_nothing},       {"true", do_nothing}, {"false", fail},         {"echo", echo},     {"cd", change_directory},
    {"pwd", print_directory}, {"export", export},   {"unset", unset},        {"exit", exit_shell}, {"jobs", show_jobs},
    {"wait", wait_for},      {"kill", send_signal}, {"exec", execute},       {"fg", to_foreground}, {"bg", to_background},       {"test", test},     {"[", test},
};

builtin *builtin_named(const char *name) {
  for (unsigned i = 0; i < sizeof BUILTINS / sizeof *BUILTINS; i++) {
    if (strcmp(BUILTINS[i].name, name) == 0) return BUILTINS[i].run;
  }
  return 0;
}
