// What a guest may ask of wvm beyond WASI. A program that never calls these runs on any WASI host.
#ifndef WVM_H
#define WVM_H

// Takes a snapshot of the whole machine, this call included, and goes on.
//
// Result: an id > 0 in the machine that asked; 0 in every machine resumed from that snapshot; < 0 when the
//         snapshot could not be taken (the guest goes on undisturbed).
__attribute__((import_module("wvm"), import_name("snapshot"))) int wvm_snapshot(void);

#endif
