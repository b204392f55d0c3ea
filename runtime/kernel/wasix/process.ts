// Being written: process.

export {};
