// Forced into every file of Lua: what its standard library expects of C and wasi-libc lacks. A WASI program can neither
// start others nor make files outside the folders granted to it, so these calls fail as C allows them to.
#include <stdio.h>
#include <stdlib.h>

#define system(command) ((void)(command), 0)
#define tmpfile() ((FILE *)NULL)
#define LUA_TMPNAMBUFSIZE 1
#define lua_tmpnam(buffer, failed) \
  {                                \
    (buffer)[0] = 0;               \
    (failed) = 1;                  \
  }
// The same seed in every run: hashes, and so the order of tables, do not depend on the clock or on addresses.
#define luai_makeseed(state) 0x5eedu
