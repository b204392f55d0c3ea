// Nice values for a libc that has none: lib/scheduling.c. As on Linux they belong to threads; PRIO_PROCESS means one thread.
#ifndef WVM_SYS_RESOURCE_H
#define WVM_SYS_RESOURCE_H

// wasi-libc's own refuses to be included without that emulation.
#ifdef _WASI_EMULATED_PROCESS_CLOCKS
#include_next <sys/resource.h>
#endif
#define __NEED_id_t
#include <bits/alltypes.h>

#ifdef __cplusplus
extern "C" {
#endif

#undef PRIO_MIN
#undef PRIO_MAX
#undef PRIO_PROCESS
#undef PRIO_PGRP
#undef PRIO_USER
#define PRIO_MIN (-20)
#define PRIO_MAX 20
#define PRIO_PROCESS 0
#define PRIO_PGRP 1
#define PRIO_USER 2

int setpriority(int which, id_t who, int nice);
// -1 is a result, too: set errno to 0 before.
int getpriority(int which, id_t who);

#ifdef __cplusplus
}
#endif

#endif
