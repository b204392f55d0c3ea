// A line becomes a list:
//   list        pipeline { (&& | ||) pipeline } { (; | & | newline) list }
//   pipeline    [!] command { | command }
//   command     { word | [digits] (< | > | >> | >& | <&) word }
// Words keep their quotes, because what is quoted is not expanded alike. # begins a comment.
#include "shell.h"

static const char *at;
static int is_incomplete, is_wrong;

static void *wrong(const char *what) {
  if (!is_wrong && !is_incomplete) complain("syntax", what);
  is_wrong = 1;
  return 0;
}

static void *incomplete(void) {
  is_incomplete = 1;
  return 0;
}

static void skip_blanks(void) {
  for (;; at++) {
    if (at[0] == '\\' && at[1] == '\n') at++;
    else if (*at == '#') {
      while (at[1] && at[1] != '\n') at++;
    } else if (*at != ' ' && *at != '\t' && *at != '\r') return;
  }
}

static int is_operator(char c) { return c && strchr("|&;<>\n", c); }

// The text of a word, up to a blank or an operator outside of quotes; null if there is none, or it does not end.
static char *parse_word(void) {
  const char *begin = at;
  while (*at && !is_operator(*at) && !strchr(" \t\r", *at)) {
    char quote = *at;
    if (quote == '\\') {
      if (!at[1]) return incomplete();
      at += 2;
      continue;
    }
    at++;
    if (quote != '\'' && quote != '"') continue;
    while (*at != quote) {
      if (quote == '"' && *at == '\\' && at[1]) at++;
      if (!*at) return incomplete();
      at++;
    }
    at++;
  }
  return at == begin ? 0 : take_text(begin, (size_t)(at - begin));
}

// Digits right before < or >, else -1 and nothing is read.
static int parse_descriptor(void) {
  const char *begin = at;
  int number = 0;
  while (*at >= '0' && *at <= '9' && number < 1000) number = number * 10 + *at++ - '0';
  if (at > begin && (*at == '<' || *at == '>')) return number;
  at = begin;
  return -1;
}

static struct redirection *parse_redirection(int fd) {
  struct redirection *redirection = take(sizeof *redirection);
  int is_input = *at++ == '<';
  redirection->fd = fd >= 0 ? fd : is_input ? 0 : 1;
  redirection->kind = is_input ? READ_FROM : WRITE_TO;
  if (*at == '&') {
    at++;
    redirection->kind = COPY_OF;
  } else if (!is_input && *at == '>') {
    at++;
    redirection->kind = APPEND_TO;
  }
  skip_blanks();
  redirection->target = parse_word();
  return redirection->target ? redirection : wrong("no file after < or >");
}

static struct command *parse_command(void) {
  struct command *command = take(sizeof *command);
  struct redirection **last = &command->redirections;
  for (;;) {
    skip_blanks();
    int fd = parse_descriptor();
    if (fd >= 0 || *at == '<' || *at == '>') {
      if (!(*last = parse_redirection(fd))) return 0;
      last = &(*last)->next;
      continue;
    }
    char *word = parse_word();
    if (!word) break;
    words_add(&command->words, word);
  }
  if (is_incomplete) return 0;
  return command->words.count || command->redirections ? command : *at ? wrong("a command is missing") : incomplete();
}

static struct pipeline *parse_pipeline(void) {
  struct pipeline *pipeline = take(sizeof *pipeline);
  skip_blanks();
  if (at[0] == '!' && (at[1] == ' ' || at[1] == '\t')) {
    pipeline->is_negated = 1;
    at++;
  }
  struct command **last = &pipeline->commands;
  for (;;) {
    if (!(*last = parse_command())) return 0;
    last = &(*last)->next;
    if (at[0] != '|' || at[1] == '|') return pipeline;
    at++;
    while (skip_blanks(), *at == '\n') at++;
  }
}

static struct list *parse_list(void) {
  struct list *list = take(sizeof *list);
  struct pipeline **last = &list->pipelines;
  const char *begin = at;
  int condition = ALWAYS;
  for (;;) {
    if (!(*last = parse_pipeline())) return 0;
    (*last)->condition = condition;
    last = &(*last)->next;
    if (at[0] == '&' && at[1] == '&') condition = IF_SUCCEEDED;
    else if (at[0] == '|' && at[1] == '|') condition = IF_FAILED;
    else break;
    at += 2;
    while (skip_blanks(), *at == '\n') at++;
  }
  const char *end = at;
  while (end > begin && strchr(" \t\n", end[-1])) end--;
  list->text = take_text(begin, (size_t)(end - begin));
  if (*at == '&') list->is_background = 1;
  if (*at) at++;
  return list;
}

struct list *parse(const char *text, int *complete) {
  struct list *first = 0, **last = &first;
  at = text;
  is_incomplete = is_wrong = 0;
  for (;;) {
    while (skip_blanks(), *at == '\n') at++;
    if (!*at) break;
    if (!(*last = parse_list())) {
      first = 0;
      break;
    }
    last = &(*last)->next;
  }
  *complete = !is_incomplete;
  return first;
}
