// sleep SECONDS: with a fraction, if wanted.
#include "tool.h"
#include <time.h>

int main(int argc, char *argv[]) {
  if (argc != 2) {
    complain("sleep", "usage", "sleep SECONDS");
    return 1;
  }
  double seconds = strtod(argv[1], 0);
  struct timespec time = {.tv_sec = (time_t)seconds};
  time.tv_nsec = (long)((seconds - (double)time.tv_sec) * 1e9);
  return nanosleep(&time, 0) == 0 ? 0 : 1;
}
