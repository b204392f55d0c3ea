// The host module `spectest` that the scripts import (test/core/README of the specification). It is WebAssembly, so
// that its functions have types that linking can check; what they print is dropped.
import { assembleText } from './assembler.ts';

const PRINTS: Readonly<Record<string, string>> = {
  print: '',
  print_i32: 'i32',
  print_i64: 'i64',
  print_f32: 'f32',
  print_f64: 'f64',
  print_i32_f32: 'i32 f32',
  print_f64_f64: 'f64 f64',
};

const names = Object.keys(PRINTS);

const SPECTEST = `(module
  ${names.map((name) => `(import "js" "${name}" (func $${name} (param ${PRINTS[name]})))`).join('\n  ')}
  ${names.map((name) => `(export "${name}" (func $${name}))`).join('\n  ')}
  (global (export "global_i32") i32 (i32.const 666))
  (global (export "global_i64") i64 (i64.const 666))
  (global (export "global_f32") f32 (f32.const 666.6))
  (global (export "global_f64") f64 (f64.const 666.6))
  (table (export "table") 10 20 funcref)
  (table (export "table64") i64 10 20 funcref)
  (memory (export "memory") 1 2)
  (memory (export "shared_memory") 1 2 shared))`;

let compiled: Promise<WebAssembly.Module> | undefined;

/** A fresh instance: scripts change its table and memory. */
export async function instantiateSpectest(onCall: () => void): Promise<WebAssembly.Exports> {
  compiled ??= assembleText(SPECTEST).then((bytes) => new WebAssembly.Module(bytes as Uint8Array<ArrayBuffer>));
  const js = Object.fromEntries(names.map((name) => [name, onCall]));
  return new WebAssembly.Instance(await compiled, { js }).exports;
}
