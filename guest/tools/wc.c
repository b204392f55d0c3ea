// wc [-l | -w | -c] [FILE]: lines, words and bytes.
#include "tool.h"

int main(int argc, char *argv[]) {
  char only = 0;
  int first = 1;
  if (argc > 1 && argv[1][0] == '-' && argv[1][1]) {
    only = argv[1][1];
    first = 2;
  }
  int fd = open_input("wc", argc > first ? argv[first] : "-");
  if (fd < 0) return 1;
  long long lines = 0, words = 0, bytes = 0;
  int in_word = 0;
  char buffer[4096];
  ssize_t count;
  while ((count = read(fd, buffer, sizeof buffer)) > 0) {
    bytes += count;
    for (ssize_t i = 0; i < count; i++) {
      int is_blank = buffer[i] == ' ' || buffer[i] == '\t' || buffer[i] == '\n';
      if (buffer[i] == '\n') lines++;
      if (!is_blank && !in_word) words++;
      in_word = !is_blank;
    }
  }
  const long long numbers[] = {lines, words, bytes};
  for (int i = 0, shown = 0; i < 3; i++) {
    if (only && only != "lwc"[i]) continue;
    if (shown++) put_text(" ");
    put_number(numbers[i]);
  }
  put_text("\n");
  flush();
  return 0;
}
