// A small shell: pipelines, redirections, ; && || & !, quotes, variables, jobs, programs by path or by name.
//   shell [-c TEXT | SCRIPT] [PARAMETER...]
// Without either it reads standard input, with a prompt if that is a terminal. Bytes are read one by one, because what follows a
// line belongs to the programs that it starts.
#include "shell/shell.h"

struct input {
  char *line;
  size_t size, capacity;
};

// Appends the next line to what is there. -1 at the end of the file, -2 if a signal came first.
static int read_line(int fd, struct input *input) {
  size_t begin = input->size;
  for (;;) {
    if (input->size + 2 > input->capacity) {
      input->capacity = input->capacity * 2 + 128;
      input->line = realloc(input->line, input->capacity);
      if (!input->line) _exit(2);
    }
    char c;
    ssize_t count = read(fd, &c, 1);
    if (count < 0) return errno == EINTR ? -2 : -1;
    if (count == 0 && input->size == begin) return -1;
    if (count == 1) input->line[input->size++] = c;
    input->line[input->size] = 0;
    if (count == 0 || c == '\n') return 0;
  }
}

int run_text(const char *text) {
  int complete;
  const struct list *list = parse(text, &complete);
  if (!list) {
    if (!complete) complain("syntax", "the text ends too early");
    return complete ? last_status : (last_status = 2);
  }
  return run_list(list);
}

int run_input(int fd) {
  struct input input = {0};
  for (;;) {
    was_interrupted = 0;
    tell_of_ended_jobs();
    if (is_interactive) print(2, input.size ? "> " : "$ ");
    int end = read_line(fd, &input);
    if (end == -2) {
      print(2, "\n");
      input.size = 0;
      continue;
    }
    if (end < 0) break;
    int complete;
    const struct list *list = parse(input.line, &complete);
    if (!complete) continue;
    if (list) run_list(list);
    forget_line();
    input.size = 0;
  }
  if (input.size) run_text(input.line);
  free(input.line);
  return last_status;
}

static void interrupt(int signal) {
  (void)signal;
  was_interrupted = 1;
}

// Ctrl-Z is for what runs in the foreground.
static void suspend(int signal) {
  if (foreground) killpg(foreground, signal);
}

int main(int argc, char *argv[]) {
  int script = 0;
  const char *text = 0;
  if (argc > 2 && strcmp(argv[1], "-c") == 0) {
    text = argv[2];
    argv += 2, argc -= 2;
  } else if (argc > 1) {
    script = open(argv[1], O_RDONLY | O_CLOEXEC);
    if (script < 0) {
      complain(argv[1], strerror(errno));
      return 127;
    }
    argv++, argc--;
  } else {
    is_interactive = isatty(0);
  }
  parameters = argv;
  parameter_count = (unsigned)argc - 1;
  // No SA_RESTART: reading a line and waiting for a job end with it.
  struct sigaction action = {.sa_handler = interrupt};
  sigaction(SIGINT, &action, 0);
  if (is_interactive) {
    signal(SIGQUIT, SIG_IGN);
    signal(SIGTSTP, suspend);
  }
  return text ? run_text(text) : run_input(script);
}
