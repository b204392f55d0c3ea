// Being written: tty.

export {};
