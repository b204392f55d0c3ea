// yes [TEXT]: a line, for ever.
#include "tool.h"

int main(int argc, char *argv[]) {
  for (;;) {
    put_text(argc > 1 ? argv[1] : "y");
    put_text("\n");
  }
}
