// The library's printf and scanf families: long call chains, varargs, float formatting, locale-free parsing.
#include "report.h"
#include <stdio.h>
#include <string.h>

int main(void) {
  char buffer[200];
  int count = snprintf(buffer, sizeof buffer, "[%5d|%-5d|%05d|%+d|%x|%#o|%c|%s|%.2s]", 42, 42, 42, 42, 48879, 8, 'z', "word", "cut");
  puts(buffer);
  CHECK(count == (int)strlen(buffer));
  printf("%f %.3e %g %G %10.4f|%-10.2f|\n", 3.14159265358979, 6.02214076e23, 1e-5, 1e100, 2.0 / 3, -0.5);
  printf("%a %.0f %g %g %g\n", 1.0, 2.5, 1.0 / 0.0, -0.0, 100000000.0);
  printf("%lld %llu %hhd %zu %td\n", -9223372036854775807ll, 18446744073709551615ull, 300, sizeof buffer, &buffer[7] - buffer);
  int a = 0;
  unsigned b = 0;
  double c = 0;
  char word[20] = "";
  CHECK(sscanf("-17 ff 2.75 hello rest", "%d %x %lf %19s", &a, &b, &c, word) == 4);
  CHECK(a == -17 && b == 255 && c == 2.75 && strcmp(word, "hello") == 0);
  CHECK(strtod("1e-3", NULL) == 0.001 && strtol("0777", NULL, 0) == 511);
  char *comma = strchr("left,right", ',');
  printf("%s %d %.17g\n", comma + 1, atoi("1234x"), 0.1);
  return printf("PASS\n") == 5 ? 0 : 1;
}
