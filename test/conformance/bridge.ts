// Calls WebAssembly functions from JavaScript without losing bits. JavaScript may change the payload of a NaN and
// cannot hold a v128, so for every signature a small module is made that takes the numeric arguments from a memory,
// calls, and leaves the numeric results there; references go as they are. For [f32 externref] -> [v128]:
//
//   (func (export "call") (param externref)
//     (f32.load offset=0 (i32.const 0))  (local.get 0)  (call $function)
//     (local.set $r0)
//     (v128.store offset=0 (i32.const 0) (local.get $r0)))
//
// Value k, argument or result, lies at 16 * k. Of an exception reference, which JavaScript never sees, only
// `ref.is_null` is stored.
import { assembleText } from './assembler.ts';
import { NUMERIC_WIDTH, type NumericType, type Value } from './value.ts';

/** Types in the text format, as V8's type reflection names them. */
export interface Signature {
  readonly parameters: readonly string[];
  readonly results: readonly string[];
}

const SLOT_BYTES = 16;
const memory = new WebAssembly.Memory({ initial: 1 });
const view = new DataView(memory.buffer);
const modules = new Map<string, Promise<WebAssembly.Module>>();
const calls = new WeakMap<object, BridgedCall>();
const OPAQUE_EXCEPTION: object = Object.freeze({ exception: true });
type BridgedCall = (...references: unknown[]) => unknown;

/** Calls `callee`, an exported WebAssembly function of that signature; what it throws comes through. */
export async function callBridged(
  callee: (...args: unknown[]) => unknown,
  signature: Signature,
  args: readonly Value[],
): Promise<Value[]> {
  if (args.length !== signature.parameters.length) throw new TypeError(`${args.length} arguments given`);
  if (![...signature.parameters, ...signature.results].every(isBridgeable))
    return callDirectly(callee, signature, args);
  let call = calls.get(callee);
  if (call === undefined) {
    const imports = { bridge: { memory, callee: callee as WebAssembly.ImportValue } };
    try {
      call = new WebAssembly.Instance(await bridgeModule(signature), imports).exports['call'] as BridgedCall;
    } catch (error) {
      // A function whose declared type is a proper subtype, or one of a group: a bridge cannot name that type.
      if (!(error instanceof WebAssembly.LinkError)) throw error;
      return callDirectly(callee, signature, args);
    }
    calls.set(callee, call);
  }
  const references: unknown[] = [];
  for (const [k, arg] of args.entries()) {
    if (arg.type === 'ref') references.push(arg.ref);
    else storeBits(k, arg.type, arg.bits);
  }
  const returned = call(...references);
  const returnedReferences = (Array.isArray(returned) ? returned : [returned]).values();
  return signature.results.map((type, k): Value => {
    if (isNumeric(type)) return { type, bits: loadBits(k, type) };
    if (isException(type)) return { type: 'ref', ref: loadBits(k, 'i32') === 1n ? null : OPAQUE_EXCEPTION };
    return { type: 'ref', ref: returnedReferences.next().value };
  });
}

/** Reads a global of that type with its exact bits. */
export async function readGlobal(global: WebAssembly.Global, type: string, mutable: boolean): Promise<Value[]> {
  if (!isNumeric(type)) return [{ type: 'ref', ref: global.value }];
  const key = `global ${type} ${mutable}`;
  const wat = `(module
    (import "bridge" "global" (global ${mutable ? `(mut ${type})` : type}))
    (func (export "get") (result ${type}) (global.get 0)))`;
  const module = await cachedModule(key, wat);
  const { exports } = new WebAssembly.Instance(module, { bridge: { global } });
  return callBridged(exports['get'] as BridgedCall, { parameters: [], results: [type] }, []);
}

function bridgeModule(signature: Signature): Promise<WebAssembly.Module> {
  const { parameters, results } = signature;
  const references = parameters.filter((type) => !isNumeric(type));
  const referenceResults = results.filter((type) => !isNumeric(type) && !isException(type));
  let nextReference = 0;
  const wat = `(module
    (import "bridge" "memory" (memory 1))
    (import "bridge" "callee" (func $callee (param ${parameters.join(' ')}) (result ${results.join(' ')})))
    (func (export "call") (param ${references.join(' ')}) (result ${referenceResults.join(' ')})
      ${results.map((type, k) => `(local $r${k} ${type})`).join(' ')}
      ${parameters
        .map((type, k) =>
          isNumeric(type) ? `(${type}.load offset=${k * SLOT_BYTES} (i32.const 0))` : `(local.get ${nextReference++})`,
        )
        .join(' ')}
      (call $callee)
      ${results
        .map((_, k) => `(local.set $r${k})`)
        .reverse()
        .join(' ')}
      ${results.map((type, k) => passResult(type, k)).join(' ')}))`;
  return cachedModule(`${parameters} -> ${results}`, wat);
}

function passResult(type: string, k: number): string {
  const local = `(local.get $r${k})`;
  if (isNumeric(type)) return `(${type}.store offset=${k * SLOT_BYTES} (i32.const 0) ${local})`;
  if (isException(type)) return `(i32.store offset=${k * SLOT_BYTES} (i32.const 0) (ref.is_null ${local}))`;
  return local;
}

function cachedModule(key: string, wat: string): Promise<WebAssembly.Module> {
  let module = modules.get(key);
  if (module === undefined) {
    module = assembleText(wat).then((bytes) => new WebAssembly.Module(bytes as Uint8Array<ArrayBuffer>));
    modules.set(key, module);
  }
  return module;
}

/** For signatures a bridge cannot repeat (types of the module itself): JavaScript conversions, NaN payloads aside. */
function callDirectly(callee: (...args: unknown[]) => unknown, signature: Signature, args: readonly Value[]): Value[] {
  const scriptArgs = args.map((arg, k) => {
    if (arg.type === 'ref') return arg.ref;
    storeBits(k, arg.type, arg.bits);
    return loadScriptValue(k, arg.type);
  });
  const returned = callee(...scriptArgs);
  const values = signature.results.length > 1 ? [...(returned as Iterable<unknown>)] : [returned];
  return signature.results.map((type, k): Value => {
    if (!isNumeric(type)) return { type: 'ref', ref: values[k] };
    storeScriptValue(k, type, values[k]);
    return { type, bits: loadBits(k, type) };
  });
}

/** A bridge is a module of its own: it cannot name the types that others define. */
function isBridgeable(type: string): boolean {
  return !/\d\)$/.test(type);
}

function isException(type: string): boolean {
  return type.includes('exn');
}

function isNumeric(type: string): type is NumericType {
  return type in NUMERIC_WIDTH;
}

function storeBits(k: number, type: NumericType, bits: bigint): void {
  view.setBigUint64(k * SLOT_BYTES, BigInt.asUintN(64, bits), true);
  if (type === 'v128') view.setBigUint64(k * SLOT_BYTES + 8, bits >> 64n, true);
}

function loadBits(k: number, type: NumericType): bigint {
  const low = view.getBigUint64(k * SLOT_BYTES, true);
  if (type === 'v128') return low | (view.getBigUint64(k * SLOT_BYTES + 8, true) << 64n);
  return BigInt.asUintN(NUMERIC_WIDTH[type], low);
}

function loadScriptValue(k: number, type: NumericType): unknown {
  const at = k * SLOT_BYTES;
  if (type === 'f32') return view.getFloat32(at, true);
  if (type === 'f64') return view.getFloat64(at, true);
  return type === 'i32' ? view.getInt32(at, true) : view.getBigInt64(at, true);
}

function storeScriptValue(k: number, type: NumericType, value: unknown): void {
  const at = k * SLOT_BYTES;
  if (type === 'f32') view.setFloat32(at, value as number, true);
  else if (type === 'f64') view.setFloat64(at, value as number, true);
  else if (type === 'i32') view.setInt32(at, value as number, true);
  else view.setBigInt64(at, value as bigint, true);
}
