// Being written: thread.

export {};
