// Words as commands get them: quotes taken away, $NAME, ${NAME}, $1, $#, $@, $?, $$ and $! put in. What comes from a variable
// outside of quotes is split at blanks.
#include "shell.h"

char **parameters;
unsigned parameter_count;

struct text {
  char *bytes;
  size_t size, capacity;
};

static void add(struct text *text, char c) {
  if (text->size + 1 >= text->capacity) {
    size_t capacity = text->capacity * 2 + 32;
    char *grown = take(capacity);
    if (text->size) memcpy(grown, text->bytes, text->size);
    text->bytes = grown;
    text->capacity = capacity;
  }
  text->bytes[text->size++] = c;
  text->bytes[text->size] = 0;
}

static const char *number(int value) {
  char *digits = take(12), *at = digits + 11;
  unsigned rest = value < 0 ? 0u - (unsigned)value : (unsigned)value;
  do *--at = (char)('0' + rest % 10);
  while (rest /= 10);
  if (value < 0) *--at = '-';
  return at;
}

static int is_name(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

// The value of what stands after a $; *at moves behind it. Null if a lone $ stands for itself.
static const char *value_after_dollar(const char **at) {
  char c = **at;
  if (c && strchr("?$!#", c)) {
    (*at)++;
    if (c == '?') return number(last_status);
    if (c == '#') return number((int)parameter_count);
    if (c == '$') return number(getpid());
    return last_background ? number(last_background) : "";
  }
  if (c >= '0' && c <= '9') {
    unsigned index = (unsigned)(c - '0');
    (*at)++;
    return index <= parameter_count && parameters ? parameters[index] : "";
  }
  int has_brace = c == '{';
  const char *begin = *at + has_brace, *end = begin;
  while (is_name(*end)) end++;
  if (end == begin || (has_brace && *end != '}')) return 0;
  *at = end + has_brace;
  const char *value = getenv(take_text(begin, (size_t)(end - begin)));
  return value ? value : "";
}

// `split` is where finished words go; null keeps everything in one.
static void expand_into(const char *at, struct text *word, int *has_word, struct words *split) {
  char quote = 0;
  while (*at) {
    char c = *at++;
    if (c == quote && quote) quote = 0;
    else if (!quote && (c == '\'' || c == '"')) {
      quote = c;
      *has_word = 1;
    } else if (c == '\\' && quote != '\'' && *at && (!quote || strchr("\"\\$", *at))) {
      if (*at != '\n') {
        add(word, *at);
        *has_word = 1;
      }
      at++;
    } else if (c == '$' && quote != '\'') {
      int is_all = *at == '@';
      unsigned count = is_all ? parameter_count : 1;
      const char *value = 0;
      if (is_all) at++;
      else if (!(value = value_after_dollar(&at))) {
        add(word, '$');
        *has_word = 1;
        continue;
      }
      for (unsigned i = 0; i < count; i++) {
        if (is_all) value = parameters[i + 1];
        int splits = split && !quote;
        for (; *value; value++) {
          if (splits && strchr(" \t\n", *value)) {
            if (*has_word) words_add(split, word->bytes ? word->bytes : "");
            *word = (struct text){0};
            *has_word = 0;
          } else {
            add(word, *value);
            *has_word = 1;
          }
        }
        // "$@" is one word for each parameter.
        if (i + 1 < count) {
          if (split) {
            if (*has_word || quote) words_add(split, word->bytes ? word->bytes : "");
            *word = (struct text){0};
            *has_word = quote != 0;
          } else add(word, ' ');
        }
      }
    } else {
      add(word, c);
      *has_word = 1;
    }
  }
}

void expand(const char *text, struct words *result) {
  struct text word = {0};
  int has_word = 0;
  expand_into(text, &word, &has_word, result);
  if (has_word) words_add(result, word.bytes ? word.bytes : "");
}

char *expand_one(const char *text) {
  struct text word = {0};
  int has_word = 0;
  expand_into(text, &word, &has_word, 0);
  return word.bytes ? word.bytes : take(1);
}
