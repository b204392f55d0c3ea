// Being written: stack.

export {};
