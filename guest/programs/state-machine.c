// A br_table in a loop: a recogniser of numbers, words and comments that keeps its state in locals.
#include "report.h"

enum state { BLANK, WORD, ZERO, INTEGER, FRACTION, HEX, SLASH, COMMENT, STAR, STRING, ESCAPE, OPERATOR };

static const char text[] =
    "alpha = 0x1fA + 42 /* a ** comment */ - \"string \\\" with quote\" 3.25 beta_2;\n"
    "if(gamma>=0)return 0 ;else{delta=1.5*x/y}/**/end 007 0xzz";

int main(void) {
  enum state state = BLANK;
  int counts[12] = {0}, transitions = 0;
  unsigned hash = 2166136261u;
  for (const char *p = text; *p; p++) {
    char c = *p;
    int letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
    int digit = c >= '0' && c <= '9';
    enum state start = letter ? WORD : c == '0' ? ZERO : digit ? INTEGER : c == '"' ? STRING : c == '/' ? SLASH
                       : c == ' ' || c == '\n' ? BLANK : OPERATOR;
    enum state next;
    switch (state) {
      case BLANK: next = start; break;
      case WORD: next = letter || digit ? WORD : start; break;
      case ZERO: next = c == 'x' ? HEX : c == '.' ? FRACTION : digit ? INTEGER : start; break;
      case INTEGER: next = digit ? INTEGER : c == '.' ? FRACTION : start; break;
      case FRACTION: next = digit ? FRACTION : start; break;
      case HEX: next = digit || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F') ? HEX : start; break;
      case SLASH: next = c == '*' ? COMMENT : start; break;
      case COMMENT: next = c == '*' ? STAR : COMMENT; break;
      case STAR: next = c == '/' ? BLANK : c == '*' ? STAR : COMMENT; break;
      case STRING: next = c == '\\' ? ESCAPE : c == '"' ? BLANK : STRING; break;
      case ESCAPE: next = STRING; break;
      case OPERATOR: next = start; break;
    }
    if (next != state) {
      transitions++;
      counts[next]++;
    }
    hash = (hash ^ (unsigned)next) * 16777619u;
    state = next;
  }
  for (int i = 0; i < 12; i++) say_number("state", counts[i]);
  say_number("transitions", transitions);
  say_hex("hash", hash);
  CHECK(counts[COMMENT] == 3 && counts[STRING] == 2 && counts[HEX] == 2);
  return pass();
}
