// Being written: fd.

export {};
