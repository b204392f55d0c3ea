// Reads what wast2json writes for one script: a `.json` file of commands beside the `.wasm` and `.wat` files it names.
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Action, Command, CommandBody, ModuleSource } from './script.ts';
import { type Expected, hostReference, type NumericType, packLanes, type Value } from './value.ts';

interface JsonValue {
  readonly type: string;
  readonly value?: string | readonly string[];
  readonly lane_type?: string;
}
interface JsonAction {
  readonly type: 'invoke' | 'get';
  readonly module?: string;
  readonly field: string;
  readonly args?: readonly JsonValue[];
}
interface JsonCommand {
  readonly type: string;
  readonly line: number;
  readonly name?: string;
  readonly module?: string;
  readonly filename?: string;
  readonly binary_filename?: string;
  readonly module_type?: 'binary' | 'text';
  readonly as?: string;
  readonly action?: JsonAction;
  readonly expected?: readonly JsonValue[];
  readonly either?: readonly JsonValue[];
  readonly text?: string;
}

export function readWastJson(path: string): Command[] {
  const { commands } = JSON.parse(readFileSync(path, 'utf8')) as { commands: readonly JsonCommand[] };
  return commands.map((command) => ({ ...readCommand(command, dirname(path)), line: command.line }));
}

function readCommand(command: JsonCommand, folder: string): CommandBody {
  const message = command.text ?? '';
  switch (command.type) {
    case 'module':
    case 'module_definition':
      return { kind: command.type, name: command.name, source: readSource(command, folder) };
    case 'module_instance':
      return { kind: command.type, name: command.name, definition: command.module };
    case 'register':
      return { kind: 'register', as: command.as ?? '', module: command.name };
    case 'action':
      return { kind: 'action', action: readAction(command.action!) };
    case 'assert_return': {
      const expected = (command.expected ?? []).map(readExpected);
      if (command.either !== undefined) expected.push({ kind: 'either', options: command.either.map(readExpected) });
      return { kind: command.type, action: readAction(command.action!), expected };
    }
    case 'assert_trap':
    case 'assert_exhaustion':
    case 'assert_exception':
      return { kind: command.type, action: readAction(command.action!), message };
    case 'assert_uninstantiable':
    case 'assert_malformed':
    case 'assert_invalid':
    case 'assert_unlinkable':
      return { kind: command.type, source: readSource(command, folder), message };
    default:
      return { kind: 'unsupported', what: command.type };
  }
}

function readSource(command: JsonCommand, folder: string): ModuleSource {
  const bytes = readFileSync(join(folder, command.binary_filename ?? command.filename ?? ''));
  return { form: command.module_type === 'text' ? 'quote' : 'binary', bytes: new Uint8Array(bytes) };
}

function readAction(action: JsonAction): Action {
  const { type: kind, module, field: name } = action;
  return kind === 'get'
    ? { kind, module, name }
    : { kind, module, name, args: (action.args ?? []).map(readExpected).map(toArgument) };
}

function toArgument(expected: Expected): Value {
  if (expected.kind === 'bits') return { type: expected.type, bits: expected.bits };
  if (expected.kind === 'host') return { type: 'ref', ref: expected.ref };
  return { type: 'ref', ref: null };
}

const LANE_WIDTH: Readonly<Record<string, number>> = { i8: 8, i16: 16, i32: 32, i64: 64, f32: 32, f64: 64 };

function readExpected(json: JsonValue): Expected {
  const { type, value } = json;
  if (type === 'v128' && Array.isArray(value)) {
    const width = LANE_WIDTH[json.lane_type ?? '']!;
    const laneType = width === 64 ? 'f64' : 'f32';
    const lanes = value.map((text: string) => readNumber(text, laneType, width));
    const bits = lanes.flatMap((lane) => (lane.kind === 'bits' ? [lane.bits] : []));
    if (bits.length < lanes.length) return { kind: 'lanes', width, lanes };
    return { kind: 'bits', type: 'v128', bits: packLanes(bits, width) };
  }
  if (type in LANE_WIDTH) return readNumber(String(value), type as NumericType, LANE_WIDTH[type]!);
  if (value === 'null' || type.startsWith('null')) return { kind: 'ref', pattern: 'null' };
  if (value !== undefined) return { kind: 'host', ref: hostReference(Number(value)) };
  switch (type) {
    case 'funcref':
      return { kind: 'ref', pattern: 'func' };
    case 'externref':
      return { kind: 'ref', pattern: 'extern' };
    case 'i31ref':
      return { kind: 'ref', pattern: 'i31' };
    case 'structref':
    case 'arrayref':
      return { kind: 'ref', pattern: 'object' };
    default:
      return { kind: 'ref', pattern: 'nonnull' };
  }
}

/** wast2json writes every number, floats too, as the decimal value of its bits. */
function readNumber(text: string, type: NumericType, width: number): Expected {
  if (text === 'nan:canonical' || text === 'nan:arithmetic') {
    return { kind: 'nan', type: type as 'f32' | 'f64', nan: text === 'nan:canonical' ? 'canonical' : 'arithmetic' };
  }
  return { kind: 'bits', type, bits: BigInt.asUintN(width, BigInt(text)) };
}
