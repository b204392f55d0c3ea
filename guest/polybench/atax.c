// y = A^T (A x): two passes over the matrix, by rows.
#include "kernel.h"

enum { ROWS = 500, COLUMNS = 600 };
static double a[ROWS][COLUMNS], x[COLUMNS], y[COLUMNS];

static NOINLINE void kernel(void) {
  for (int j = 0; j < COLUMNS; j++) y[j] = 0;
  for (int i = 0; i < ROWS; i++) {
    double sum = 0;
    for (int j = 0; j < COLUMNS; j++) sum += a[i][j] * x[j];
    for (int j = 0; j < COLUMNS; j++) y[j] += a[i][j] * sum;
  }
}

int main(int argc, char **argv) {
  FILL(a, ROWS, COLUMNS, (i + j) % COLUMNS);
  for (int j = 0; j < COLUMNS; j++) x[j] = 1 + (double)j / COLUMNS;
  for (int i = rounds(argc, argv, 500); i > 0; i--) {
    kernel();
    for (int j = 0; j < COLUMNS; j++) x[j] = y[j] / (y[0] + y[COLUMNS - 1]);
  }
  return checksum(fold(y, COLUMNS));
}
