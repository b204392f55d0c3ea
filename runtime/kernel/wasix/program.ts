// Being written: program.

export {};
