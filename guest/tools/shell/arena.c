// Memory of one line, and small output. A shell that runs for long must not grow, and a line has no more to clean up than this.
#include "shell.h"

struct block {
  struct block *next;
  size_t used, size;
  char bytes[];
};

enum { BLOCK_SIZE = 4000 };
static struct block *blocks;

void *take(size_t size) {
  size = (size + 7) & ~(size_t)7;
  if (!blocks || blocks->used + size > blocks->size) {
    size_t room = size > BLOCK_SIZE ? size : BLOCK_SIZE;
    struct block *block = malloc(sizeof *block + room);
    if (!block) {
      print(2, "shell: out of memory\n");
      _exit(2);
    }
    *block = (struct block){.next = blocks, .size = room};
    blocks = block;
  }
  void *result = blocks->bytes + blocks->used;
  blocks->used += size;
  return memset(result, 0, size);
}

char *take_text(const char *bytes, size_t size) { return memcpy(take(size + 1), bytes, size); }

void forget_line(void) {
  while (blocks) {
    struct block *next = blocks->next;
    free(blocks);
    blocks = next;
  }
}

void words_add(struct words *words, char *word) {
  if (words->count + 1 >= words->capacity) {
    unsigned capacity = words->capacity * 2 + 8;
    char **grown = take(capacity * sizeof *grown);
    if (words->count) memcpy(grown, words->items, words->count * sizeof *grown);
    words->items = grown;
    words->capacity = capacity;
  }
  words->items[words->count++] = word;
  words->items[words->count] = 0;
}

void print(int fd, const char *text) {
  for (size_t left = strlen(text); left > 0;) {
    ssize_t count = write(fd, text, left);
    if (count < 0) return;
    text += count;
    left -= (size_t)count;
  }
}

void print_number(int fd, int number) {
  char digits[12], *at = digits + sizeof digits - 1;
  unsigned rest = number < 0 ? 0u - (unsigned)number : (unsigned)number;
  *at = 0;
  do *--at = (char)('0' + rest % 10);
  while (rest /= 10);
  if (number < 0) *--at = '-';
  print(fd, at);
}

void complain(const char *what, const char *why) {
  print(2, "shell: ");
  print(2, what);
  print(2, ": ");
  print(2, why);
  print(2, "\n");
}
