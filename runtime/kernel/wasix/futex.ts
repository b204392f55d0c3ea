// Being written: futex.

export {};
