// Arguments and environment, fetched before main and read again after.
#include "report.h"
#include <string.h>

extern char **environ;

int main(int argc, char **argv) {
  say_number("argc", argc);
  for (int i = 1; i < argc; i++) say(argv[i]);
  const char *planet = getenv("PLANET");
  CHECK(planet && strcmp(planet, "earth") == 0);
  CHECK(getenv("EMPTY") && getenv("EMPTY")[0] == 0);
  CHECK(getenv("MISSING") == NULL);
  CHECK(argc == 4 && strcmp(argv[1], "one") == 0 && argv[2][0] == 0 && strlen(argv[3]) == 6);
  CHECK(setenv("ADDED", "later", 1) == 0 && strcmp(getenv("ADDED"), "later") == 0);
  int count = 0;
  while (environ[count]) count++;
  say_number("variables", count);
  return pass();
}
