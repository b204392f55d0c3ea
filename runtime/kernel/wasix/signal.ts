// Being written: signal.

export {};
