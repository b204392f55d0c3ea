// Digits of pi by a spigot: nested loops over an array, with carries held in locals.
#include "report.h"

enum { DIGITS = 16, LENGTH = DIGITS * 10 / 3 + 1 };

int main(void) {
  int cells[LENGTH], nines = 0, held = 0;
  char text[DIGITS + 2];
  unsigned length = 0;
  for (int i = 0; i < LENGTH; i++) cells[i] = 2;
  for (int digit = 0; digit < DIGITS; digit++) {
    int carry = 0;
    for (int i = LENGTH - 1; i >= 0; i--) {
      int value = 10 * cells[i] + carry * (i + 1);
      cells[i] = value % (2 * i + 1);
      carry = value / (2 * i + 1);
    }
    cells[0] = carry % 10;
    carry /= 10;
    if (carry == 9) {
      nines++;
      continue;
    }
    if (digit) text[length++] = (char)('0' + held + carry / 10);
    for (; nines; nines--) text[length++] = carry == 10 ? '0' : '9';
    held = carry % 10;
  }
  text[length] = 0;
  say(text);
  CHECK(length >= 14 && text[0] == '3' && text[1] == '1' && text[12] == '9');
  return pass();
}
