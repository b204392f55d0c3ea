// Tiny modules that the engine makes for itself: a WebAssembly function around a host function (tables hold
// nothing else), and functions that deliver the result of a host call to a resumed frame.

import { BugError } from '../base/assert.ts';
import { ByteWriter } from '../base/bytes.ts';
import { writeMemoryAccess } from '../instrument/save.ts';
import { writeExport, writeFuncType, writeImport } from '../wasm/encode.ts';
import type { FuncType, ValType } from '../wasm/module.ts';
import { ValType as Type } from '../wasm/module.ts';
import { Op } from '../wasm/opcodes.ts';

/** Distance of two result values in the result area at address 0 of the frames memory. */
export const RESULT_STRIDE = 16;

const LOADS: Readonly<Record<number, readonly [opcode: number, align: number]>> = {
  [Type.i32]: [Op.i32_load, 2],
  [Type.i64]: [Op.i64_load, 3],
  [Type.f32]: [Op.f32_load, 2],
  [Type.f64]: [Op.f64_load, 3],
  [Type.v128]: [Op.v128_load, 4],
};

function modulePreamble(type: FuncType): ByteWriter {
  const w = new ByteWriter(128);
  w.fixed32(0x6d736100);
  w.fixed32(1);
  w.section(1, (s) => {
    s.u32(1);
    writeFuncType(s, type);
  });
  return w;
}

const hostFunctionModules = new Map<string, WebAssembly.Module>();

/** The host function as a WebAssembly function of the given type. */
export function wrapHostFunction(type: FuncType, host: (...args: never[]) => unknown): WebAssembly.ExportedFunction {
  const key = `${type.params.join()}:${type.results.join()}`;
  let module = hostFunctionModules.get(key);
  if (module === undefined) hostFunctionModules.set(key, (module = hostFunctionModule(type)));
  return new WebAssembly.Instance(module, { h: { f: host } }).exports['f'] as WebAssembly.ExportedFunction;
}

function hostFunctionModule(type: FuncType): WebAssembly.Module {
  const w = modulePreamble(type);
  w.section(2, (s) => {
    s.u32(1);
    writeImport(s, 'h', 'f', { kind: 'func', typeIndex: 0 });
  });
  w.section(7, (s) => {
    s.u32(1);
    writeExport(s, { name: 'f', kind: 'func', index: 0 });
  });
  return new WebAssembly.Module(w.toBytes());
}

/** A function [] -> results that loads its results from the result area; undefined if a type cannot lie in memory. */
export function resultFunction(
  results: readonly ValType[],
  frames: WebAssembly.Memory,
): WebAssembly.ExportedFunction | undefined {
  if (results.some((type) => LOADS[type] === undefined)) return undefined;
  const w = modulePreamble({ params: [], results });
  w.section(2, (s) => {
    s.u32(1);
    writeImport(s, 'h', 'm', {
      kind: 'memory',
      limits: { min: 0n, max: undefined, shared: false, is64: false, pageSizeLog2: 16 },
    });
  });
  w.section(3, (s) => {
    s.u32(1);
    s.u32(0);
  });
  w.section(7, (s) => {
    s.u32(1);
    writeExport(s, { name: 'f', kind: 'func', index: 0 });
  });
  w.section(10, (s) => {
    s.u32(1);
    const body = new ByteWriter(64);
    body.u32(0);
    results.forEach((type, k) => {
      const [opcode, align] = LOADS[type]!;
      body.u8(Op.i32_const);
      body.s32(0);
      writeMemoryAccess(body, opcode, align, 0, k * RESULT_STRIDE);
    });
    body.u8(Op.end);
    s.u32(body.position);
    s.bytes(body.toBytes());
  });
  const module = new WebAssembly.Module(w.toBytes());
  return new WebAssembly.Instance(module, { h: { m: frames } }).exports['f'] as WebAssembly.ExportedFunction;
}

/** The error of a real trap. Thrown again by a host function it still passes by every handler of the guest. */
export function makeTrap(): Error {
  const w = modulePreamble({ params: [], results: [] });
  w.section(3, (s) => {
    s.u32(1);
    s.u32(0);
  });
  w.section(7, (s) => {
    s.u32(1);
    writeExport(s, { name: 'f', kind: 'func', index: 0 });
  });
  w.section(10, (s) => {
    for (const byte of [1, 3, 0, Op.unreachable, Op.end]) s.u8(byte);
  });
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(w.toBytes()));
  try {
    (exports['f'] as () => void)();
  } catch (error) {
    return error as Error;
  }
  throw new BugError('an unreachable instruction did not trap');
}

const STORES: Readonly<Record<number, readonly [opcode: number, align: number]>> = {
  [Type.f32]: [Op.f32_store, 2],
  [Type.f64]: [Op.f64_store, 3],
  [Type.v128]: [Op.v128_store, 4],
};

/**
 * Functions that copy a mutable global to and from address 0 of the frames memory: JavaScript cannot hold a v128,
 * and may change the bits of a NaN.
 */
export function globalCopier(
  type: ValType,
  global: WebAssembly.Global,
  frames: WebAssembly.Memory,
): { readonly store: () => void; readonly load: () => void } {
  const w = modulePreamble({ params: [], results: [] });
  w.section(2, (s) => {
    s.u32(2);
    writeImport(s, 'h', 'm', {
      kind: 'memory',
      limits: { min: 0n, max: undefined, shared: false, is64: false, pageSizeLog2: 16 },
    });
    writeImport(s, 'h', 'g', { kind: 'global', global: { type, mutable: true } });
  });
  w.section(3, (s) => {
    s.u32(2);
    s.u32(0);
    s.u32(0);
  });
  w.section(7, (s) => {
    s.u32(2);
    writeExport(s, { name: 'store', kind: 'func', index: 0 });
    writeExport(s, { name: 'load', kind: 'func', index: 1 });
  });
  w.section(10, (s) => {
    s.u32(2);
    for (const isStore of [true, false]) {
      const body = new ByteWriter(32);
      const [opcode, align] = (isStore ? STORES : LOADS)[type]!;
      body.u32(0);
      body.u8(Op.i32_const);
      body.s32(0);
      if (isStore) {
        body.u8(Op.global_get);
        body.u32(0);
      }
      writeMemoryAccess(body, opcode, align, 0, 0);
      if (!isStore) {
        body.u8(Op.global_set);
        body.u32(0);
      }
      body.u8(Op.end);
      s.u32(body.position);
      s.bytes(body.toBytes());
    }
  });
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(w.toBytes()), { h: { m: frames, g: global } });
  return { store: exports['store'] as () => void, load: exports['load'] as () => void };
}
