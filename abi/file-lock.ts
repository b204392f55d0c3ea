// flock(2) and fcntl(2) record locks: Linux's constants (asm-generic/fcntl.h).

export const LOCK_SH = 1;
export const LOCK_EX = 2;
export const LOCK_NB = 4;
export const LOCK_UN = 8;

export const F_GETLK = 5;
export const F_SETLK = 6;
export const F_SETLKW = 7;

export const F_RDLCK = 0;
export const F_WRLCK = 1;
export const F_UNLCK = 2;
