// The parts of the shell: input.c reads lines, parse.c makes them a list, expand.c makes words of text, run.c runs processes,
// builtins.c is what the shell does itself. What one line needs is in the arena, and forgotten after it.
#ifndef SHELL_H
#define SHELL_H

#include "posix.h"
#include <stdlib.h>
#include <string.h>

// ---- arena.c: memory, and text in it ----

void *take(size_t size);
char *take_text(const char *bytes, size_t size);
void forget_line(void);

// Words in the order in which they come; `items` ends with a null pointer.
struct words {
  char **items;
  unsigned count, capacity;
};
void words_add(struct words *words, char *word);

void print(int fd, const char *text);
void print_number(int fd, int number);
// "shell: what: why", on standard error.
void complain(const char *what, const char *why);

// ---- parse.c ----

struct redirection {
  struct redirection *next;
  int fd;
  enum { READ_FROM, WRITE_TO, APPEND_TO, COPY_OF } kind;
  // A file's name, or a descriptor's number.
  char *target;
};

struct command {
  struct command *next;
  // As they stand in the line: not expanded.
  struct words words;
  struct redirection *redirections;
};

// command | command | ...
struct pipeline {
  struct pipeline *next;
  struct command *commands;
  // What decides whether it runs: the one before it has succeeded, or failed.
  enum { ALWAYS, IF_SUCCEEDED, IF_FAILED } condition;
  int is_negated;
};

// pipeline && pipeline || ..., then ; or &
struct list {
  struct list *next;
  struct pipeline *pipelines;
  int is_background;
  // For `jobs`.
  char *text;
};

// 0 and *complete == 0 if the text ends in the middle of something; 0 and 1 after a complaint, or if there is nothing.
struct list *parse(const char *text, int *complete);

// ---- expand.c ----

extern char **parameters;
extern unsigned parameter_count;

// Quotes taken away, variables put in; a word may become none or several.
void expand(const char *word, struct words *result);
// The same, always one word.
char *expand_one(const char *word);

// ---- run.c ----

extern int last_status;
extern pid_t last_background;
extern int is_interactive;
extern volatile sig_atomic_t was_interrupted;
// The group of what the shell waits for; 0: of nothing.
extern volatile pid_t foreground;

int run_list(const struct list *list);
int run_text(const char *text);
int run_input(int fd);
void tell_of_ended_jobs(void);
void print_jobs(void);
int wait_for_jobs(void);
int wait_for_pid(pid_t pid);
// The group of job %n; -1 if there is none.
pid_t job_group(int number);
// 0: the last one.
int continue_job(int number, int in_foreground);

// ---- builtins.c ----

typedef int builtin(char **words);
builtin *builtin_named(const char *name);

#endif
