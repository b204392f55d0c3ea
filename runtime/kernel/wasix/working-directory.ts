// Being written: working-directory.

export {};
