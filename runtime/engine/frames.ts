// Frame records <-> frames in the terms of the specification. Reading a record needs the layout of its site;
// writing one checks everything that an image could have got wrong: the site exists, every value has the type
// that the code there expects, what the code says is constant is that constant, and the frames fit on one another.

import { WvmError } from '../base/wvm-error.ts';
import { type CatchClause, type FunctionAnalysis, NodeKind, type Site, SiteKind } from '../instrument/analysis.ts';
import { exceptionArea } from '../instrument/exception-area.ts';
import type { ModuleMap } from '../instrument/module-map.ts';
import type { FunctionPlan } from '../instrument/plan.ts';
import { decodeConst } from '../wasm/const-expr.ts';
import { ValType, type WasmModule } from '../wasm/module.ts';
import type { GuestInstance } from './instance.ts';
import type { RawStack } from './raw-stack.ts';
import type { ActivationState, ExceptionState, FrameState, ValueState } from './state.ts';

/** Decodes an unwound stack. Throws WVM_SNAPSHOT_UNSUPPORTED if it holds a host reference. */
export function saveStack(instance: GuestInstance, map: ModuleMap, stack: RawStack): ActivationState {
  const view = new DataView(stack.bytes.buffer, stack.bytes.byteOffset, stack.bytes.byteLength);
  const frames: FrameState[] = [];
  let end = stack.bytes.length;
  let funcrefEnd = stack.funcrefs.length;
  let externrefEnd = stack.externrefs.length;
  while (end > 0) {
    const site = view.getUint32(end - 8, true);
    const plan = map.plan(map.functionOfSite(site));
    const index = site - plan.firstSite;
    const layout = plan.layout(index);
    const start = end - layout.sizeBytes;
    funcrefEnd -= layout.funcrefCount;
    externrefEnd -= layout.externrefCount;
    const values = new Map<number, ValueState>();
    for (const slot of layout.slots) {
      if (slot.type === ValType.exnref) {
        const at = start + slot.offset;
        const funcrefs = stack.funcrefs.slice(funcrefEnd + slot.firstFuncref);
        const externrefs = stack.externrefs.slice(externrefEnd + slot.firstExternref);
        const exception = readException(instance, view, at, funcrefs, externrefs);
        values.set(slot.local, { type: 'exnref', exception });
      } else if (slot.type === ValType.funcref) {
        values.set(slot.local, saveFuncref(instance, stack.funcrefs[funcrefEnd + slot.offset]));
      } else if (slot.type === ValType.externref) {
        values.set(slot.local, saveExternref(stack.externrefs[externrefEnd + slot.offset]));
      } else values.set(slot.local, readValue(view, start + slot.offset, slot.type));
    }
    frames.push(frameOf(map, plan, index, values));
    end = start;
  }
  return { frames };
}

function readException(
  instance: GuestInstance,
  view: DataView,
  at: number,
  funcrefs: readonly unknown[],
  externrefs: readonly unknown[],
): ExceptionState | null {
  const tag = view.getUint32(at, true) - 1;
  if (tag < 0) return null;
  const payload = exceptionArea(instance.module).payloads[tag]!.map(({ type, offset }) => {
    if (type === ValType.funcref) return saveFuncref(instance, funcrefs[offset]);
    if (type === ValType.externref) return saveExternref(externrefs[offset]);
    return readValue(view, at + offset, type);
  });
  return { tag, payload };
}

function frameOf(map: ModuleMap, plan: FunctionPlan, index: number, values: Map<number, ValueState>): FrameState {
  const { analysis, liveness } = plan;
  const site = analysis.sites[index]!;
  const caught = analysis.clausesAround(site).map((clause) => caughtException(clause, values));
  return {
    functionIndex: analysis.functionIndex,
    codeOffset: map.codeOffset(plan, index),
    kind: site.kind === SiteKind.poll ? 'poll' : 'call',
    locals: analysis.locals.map((_, x) => (liveness.isLive(index, x) ? values.get(x)! : null)),
    stack: analysis.operands(site).map((node) => operandValue(analysis, node, values)),
    ...(caught.length > 0 ? { caught } : {}),
  };
}

function caughtException({ kept, tags }: CatchClause, values: ReadonlyMap<number, ValueState>): ExceptionState | null {
  if (kept === undefined) return null;
  const tag = kept.tagLocal < 0 ? tags[0]! : (values.get(kept.tagLocal) as { bits: number }).bits;
  return { tag, payload: kept.payload.get(tag)!.map((local) => values.get(local)!) };
}

function operandValue(a: FunctionAnalysis, node: number, values: ReadonlyMap<number, ValueState>): ValueState {
  switch (a.nodeKind[node]) {
    case NodeKind.constant:
      return constantValue(a, a.nodeArg[node]!);
    case NodeKind.local:
      return values.get(a.nodeArg[node]!)!;
    default:
      return values.get(a.shadowLocal(node))!;
  }
}

/** Value of a constant instruction of a body. */
function constantValue(a: FunctionAnalysis, instruction: number): ValueState {
  const start = a.code.offset[instruction]!;
  const end = a.code.offset[instruction + 1]!;
  // decodeConst expects the byte of an `end` behind the instruction.
  const value = decodeConst(a.module, { range: { start, end: end + 1 } });
  switch (value.kind) {
    case 'i32':
      return { type: 'i32', bits: value.value };
    case 'i64':
      return { type: 'i64', bits: value.value };
    case 'f32':
      return { type: 'f32', bits: value.bits | 0 };
    case 'f64':
      return { type: 'f64', bits: BigInt.asIntN(64, value.bits) };
    case 'v128':
      return { type: 'v128', bytes: value.bytes };
    default:
      return nullOf(a.code.immediate[instruction]!);
  }
}

function nullOf(type: ValType): ValueState {
  if (type === ValType.exnref) return { type: 'exnref', exception: null };
  return type === ValType.funcref ? { type: 'funcref', index: null } : { type: 'externref', index: null };
}

function saveFuncref(instance: GuestInstance, value: unknown): ValueState {
  if (value === null || value === undefined) return { type: 'funcref', index: null };
  const index = instance.functionIndexOf(value);
  if (index === undefined) {
    throw new WvmError('WVM_SNAPSHOT_UNSUPPORTED', 'a reference to a function from outside the module is in use');
  }
  return { type: 'funcref', index };
}

function saveExternref(value: unknown): ValueState {
  if (value !== null) {
    throw new WvmError('WVM_SNAPSHOT_UNSUPPORTED', 'a reference to a host object (externref) is in use');
  }
  return { type: 'externref', index: null };
}

function readValue(view: DataView, offset: number, type: ValType): ValueState {
  switch (type) {
    case ValType.i32:
      return { type: 'i32', bits: view.getInt32(offset, true) };
    case ValType.i64:
      return { type: 'i64', bits: view.getBigInt64(offset, true) };
    case ValType.f32:
      return { type: 'f32', bits: view.getInt32(offset, true) };
    case ValType.f64:
      return { type: 'f64', bits: view.getBigInt64(offset, true) };
    default: {
      const bytes = new Uint8Array(view.buffer, view.byteOffset + offset, 16).slice();
      return { type: 'v128', bytes };
    }
  }
}

/** Kind of the saved form of a value, by its type. */
export const TYPE_NAMES: Readonly<Record<number, ValueState['type']>> = {
  [ValType.i32]: 'i32',
  [ValType.i64]: 'i64',
  [ValType.f32]: 'f32',
  [ValType.f64]: 'f64',
  [ValType.v128]: 'v128',
  [ValType.funcref]: 'funcref',
  [ValType.externref]: 'externref',
  [ValType.exnref]: 'exnref',
};

/**
 * Builds the records of a stack from the frames of an image, outermost first. `where` names the thread in errors;
 * `results` is what the caller of the outermost frame waits for, if that is known.
 * Throws WVM_IMAGE_BAD_FRAME for anything that the module's code could not have produced.
 */
export function restoreStack(
  instance: GuestInstance,
  map: ModuleMap,
  activation: ActivationState,
  where: string,
  results?: readonly ValType[],
): RawStack {
  const records: Uint8Array[] = [];
  const funcrefs: unknown[][] = [];
  const externrefs: unknown[][] = [];
  let expected = results;
  activation.frames.forEach((frame, depth) => {
    const bad = (what: string): never => {
      throw new WvmError('WVM_IMAGE_BAD_FRAME', `${where}, frame ${depth} (function ${frame.functionIndex}): ${what}`);
    };
    const kind = frame.kind === 'poll' ? SiteKind.poll : SiteKind.call;
    const site = map.findSite(frame.functionIndex, frame.codeOffset, kind);
    if (site < 0) bad(`offset ${frame.codeOffset} is no place where it can be stopped (${frame.kind})`);
    const plan = map.plan(frame.functionIndex);
    const index = site - plan.firstSite;
    const { analysis } = plan;
    const results = analysis.type.results;
    if (expected !== undefined && (expected.length !== results.length || expected.some((t, k) => t !== results[k]))) {
      bad('it does not return what its caller waits for');
    }
    const isInnermost = depth === activation.frames.length - 1;
    if (kind === SiteKind.poll && !isInnermost) bad('it calls nothing, but another frame stands above it');
    expected = analysis.sites[index]!.results;
    const record = encodeRecord(instance, plan, index, frame, bad);
    new DataView(record.bytes.buffer).setUint32(record.bytes.length - 8, site, true);
    records.unshift(record.bytes);
    funcrefs.unshift(record.funcrefs);
    externrefs.unshift(record.externrefs);
  });
  const bytes = new Uint8Array(records.reduce((sum, record) => sum + record.length, 0));
  let offset = 0;
  for (const record of records) {
    bytes.set(record, offset);
    offset += record.length;
  }
  return { bytes, funcrefs: funcrefs.flat(), externrefs: externrefs.flat(), isShared: false };
}

interface EncodedRecord {
  readonly bytes: Uint8Array;
  readonly funcrefs: unknown[];
  readonly externrefs: unknown[];
}

function encodeRecord(
  instance: GuestInstance,
  plan: FunctionPlan,
  index: number,
  frame: FrameState,
  bad: (what: string) => never,
): EncodedRecord {
  const { analysis } = plan;
  const layout = plan.layout(index);
  if (frame.locals.length !== analysis.locals.length) {
    bad(`it has ${frame.locals.length} locals, the function ${analysis.locals.length}`);
  }
  const values = new Map<number, ValueState>();
  frame.locals.forEach((value, x) => {
    if (value === null) return;
    if (value.type !== TYPE_NAMES[analysis.locals[x]!]) bad(`local ${x} is a ${value.type}`);
    values.set(x, value);
  });
  const operands = analysis.operands(analysis.sites[index]!);
  if (operands.length !== frame.stack.length) {
    bad(`it has ${frame.stack.length} operands, the code there ${operands.length}`);
  }
  operands.forEach((node, k) => {
    const value = frame.stack[k]!;
    if (value.type !== TYPE_NAMES[analysis.nodeType[node]!]) bad(`operand ${k} is a ${value.type}`);
    if (analysis.nodeKind[node] === NodeKind.constant) {
      if (!equalValues(constantValue(analysis, analysis.nodeArg[node]!), value)) bad(`operand ${k} is a constant`);
      return;
    }
    const local = analysis.nodeKind[node] === NodeKind.local ? analysis.nodeArg[node]! : analysis.shadowLocal(node);
    const known = values.get(local);
    if (known !== undefined && !equalValues(known, value)) bad(`operand ${k} and local ${local} must be equal`);
    values.set(local, value);
  });
  restoreCaught(analysis, analysis.sites[index]!, frame.caught ?? [], values, bad);
  const bytes = new Uint8Array(layout.sizeBytes);
  const view = new DataView(bytes.buffer);
  const funcrefs: unknown[] = new Array(layout.funcrefCount).fill(null);
  const externrefs: unknown[] = new Array(layout.externrefCount).fill(null);
  /** Everything but exceptions; of a reference, `offset` is its position. */
  const write = (value: ValueState, offset: number): void => {
    switch (value.type) {
      case 'i32':
      case 'f32':
        view.setInt32(offset, value.bits, true);
        break;
      case 'i64':
      case 'f64':
        view.setBigInt64(offset, value.bits, true);
        break;
      case 'v128':
        bytes.set(value.bytes, offset);
        break;
      case 'funcref':
        if (value.index !== null) {
          if (value.index >= instance.module.functionTypes.length) bad(`there is no function ${value.index}`);
          funcrefs[offset] = instance.functionObject(value.index);
        }
        break;
      default:
        break;
    }
  };
  for (const slot of layout.slots) {
    const value = values.get(slot.local);
    if (value === undefined) continue;
    if (value.type !== 'exnref') {
      write(value, slot.offset);
      continue;
    }
    const { exception } = value;
    if (exception === null) continue;
    checkPayload(instance.module, exception, bad);
    view.setUint32(slot.offset, exception.tag + 1, true);
    exceptionArea(instance.module).payloads[exception.tag]!.forEach(({ type, offset }, k) => {
      write(exception.payload[k]!, type === ValType.funcref ? slot.firstFuncref + offset : slot.offset + offset);
    });
  }
  return { bytes, funcrefs, externrefs };
}

/** Puts the exceptions of the catch clauses around a site into the locals that hold them. */
function restoreCaught(
  a: FunctionAnalysis,
  site: Site,
  caught: readonly (ExceptionState | null)[],
  values: Map<number, ValueState>,
  bad: (what: string) => never,
): void {
  const clauses = a.clausesAround(site);
  if (caught.length !== clauses.length) bad(`${caught.length} caught exceptions, the code there ${clauses.length}`);
  for (const [k, { kept }] of clauses.entries()) {
    const exception = caught[k]!;
    if (kept === undefined) {
      if (exception !== null) bad(`caught exception ${k} is not needed`);
      continue;
    }
    const locals = exception === null ? undefined : kept.payload.get(exception.tag);
    if (exception === null || locals === undefined) bad(`caught exception ${k} cannot have arrived there`);
    checkPayload(a.module, exception, bad);
    if (kept.tagLocal >= 0) values.set(kept.tagLocal, { type: 'i32', bits: exception.tag });
    locals.forEach((local, p) => {
      values.set(local, exception.payload[p]!);
    });
  }
}

/** Checks that an exception carries what its tag says. */
function checkPayload(module: WasmModule, exception: ExceptionState, bad: (what: string) => never): void {
  const typeIndex = module.allTags[exception.tag] ?? bad(`there is no tag ${exception.tag}`);
  const { params } = module.types[typeIndex]!;
  const { payload } = exception;
  const fits = payload.length === params.length && payload.every((value, k) => value.type === TYPE_NAMES[params[k]!]);
  if (!fits) bad(`an exception of tag ${exception.tag} carries ${payload.map(({ type }) => type).join(', ')}`);
}

/** True if two values have the same type and bits. */
function equalValues(a: ValueState, b: ValueState): boolean {
  if (a.type !== b.type) return false;
  if (a.type === 'v128') return b.type === 'v128' && a.bytes.every((byte, k) => byte === b.bytes[k]);
  if (a.type === 'funcref' || a.type === 'externref') return a.index === (b as typeof a).index;
  if (a.type === 'exnref') return equalExceptions(a.exception, (b as typeof a).exception);
  return a.bits === (b as typeof a).bits;
}

function equalExceptions(a: ExceptionState | null, b: ExceptionState | null): boolean {
  if (a === null || b === null) return a === b;
  return a.tag === b.tag && a.payload.every((value, k) => equalValues(value, b.payload[k]!));
}
