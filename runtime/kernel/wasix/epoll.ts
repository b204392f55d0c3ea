// Being written: epoll.

export {};
