// wasi-libc has none that works without an emulation.
#include "posix.h"
