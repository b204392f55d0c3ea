// Reads a `.wast` file: S-expressions in, commands out. The grammar is that of the specification's reference
// interpreter (interpreter/README.md, "Scripts"), from Wasm 1.0 to 3.0.
import { parseFloatBits, parseIntegerBits } from './literal.ts';
import type { Action, Command, CommandBody, ModuleSource } from './script.ts';
import { type Atom, type List, type Node, readNodes } from './sexpr.ts';
import { type Expected, hostReference, packLanes, type Value } from './value.ts';

const LANE_SHAPES: Readonly<Record<string, { count: number; width: number; float: boolean }>> = {
  i8x16: { count: 16, width: 8, float: false },
  i16x8: { count: 8, width: 16, float: false },
  i32x4: { count: 4, width: 32, float: false },
  i64x2: { count: 2, width: 64, float: false },
  f32x4: { count: 4, width: 32, float: true },
  f64x2: { count: 2, width: 64, float: true },
};

export function readWast(source: string): Command[] {
  const nodes = readNodes(source);
  const lineOf = lineCounter(source);
  const first = nodes.find((node): node is List => node.kind === 'list');
  // A file may be one module without the `(module …)` around its fields.
  if (first !== undefined && !COMMANDS.has(headOf(first))) {
    return [{ kind: 'module', name: undefined, source: { form: 'text', text: `(module ${source}\n)` }, line: 1 }];
  }
  return readCommands(nodes, source, lineOf);
}

function readCommands(nodes: readonly Node[], source: string, lineOf: (offset: number) => number): Command[] {
  const commands: Command[] = [];
  for (const node of nodes) {
    if (node.kind !== 'list') throw new SyntaxError(`line ${lineOf(node.start)}: a command was expected`);
    const line = lineOf(node.start);
    try {
      const isThread = headOf(node) === 'thread';
      const command = isThread ? readThread(node, source, lineOf) : readCommand(node, source);
      // Of an assertion about a module, wast2json too gives the module's line.
      commands.push({ ...command, line: 'source' in command ? lineOf(moduleOffset(node)) : line });
    } catch (error) {
      throw new SyntaxError(`line ${line}: ${error instanceof Error ? error.message : error}`, { cause: error });
    }
  }
  return commands;
}

const COMMANDS: ReadonlySet<string> = new Set([
  ...['module', 'register', 'invoke', 'get', 'input', 'output', 'script', 'thread', 'wait'],
  ...['assert_return', 'assert_trap', 'assert_exhaustion', 'assert_exception', 'assert_suspension'],
  ...['assert_malformed', 'assert_invalid', 'assert_unlinkable', 'assert_malformed_custom', 'assert_invalid_custom'],
]);

function readCommand(list: List, source: string): CommandBody {
  const head = headOf(list);
  const operands = list.items.slice(1);
  switch (head) {
    case 'module':
      return readModule(list, source);
    case 'register':
      return { kind: 'register', as: nameOf(operands[0]), module: optionalId(operands[1]) };
    case 'invoke':
    case 'get':
      return { kind: 'action', action: readAction(list) };
    case 'assert_return':
      return {
        kind: head,
        action: readAction(asList(operands[0])),
        expected: operands.slice(1).map((node) => readExpected(asList(node))),
      };
    case 'assert_trap':
    case 'assert_exhaustion':
    case 'assert_exception': {
      const subject = asList(operands[0]);
      const message = operands[1] === undefined ? '' : nameOf(operands[1]);
      if (headOf(subject) !== 'module') return { kind: head, action: readAction(subject), message };
      return { kind: 'assert_uninstantiable', source: readSource(subject, source).source, message };
    }
    case 'assert_malformed':
    case 'assert_invalid':
    case 'assert_unlinkable':
      return { kind: head, source: readSource(asList(operands[0]), source).source, message: nameOf(operands[1]) };
    case 'wait':
      return { kind: 'wait' };
    default:
      return { kind: 'unsupported', what: `(${head} …)` };
  }
}

function readThread(list: List, source: string, lineOf: (offset: number) => number): CommandBody {
  // Threads run one after the other here; one that waits for another would never end.
  if (source.includes('memory.atomic.wait')) return { kind: 'unsupported', what: 'a thread that waits for another' };
  const operands = list.items.slice(2).map(asList);
  const shared = operands.filter((operand) => headOf(operand) === 'shared');
  return {
    kind: 'thread',
    shared: shared.flatMap((operand) => operand.items.slice(1).map((node) => optionalId(asList(node).items[1]) ?? '')),
    commands: readCommands(
      operands.filter((operand) => headOf(operand) !== 'shared'),
      source,
      lineOf,
    ),
  };
}

function readModule(list: List, source: string): CommandBody {
  const second = list.items[1];
  if (second?.kind === 'atom' && second.text === 'instance') {
    return { kind: 'module_instance', name: optionalId(list.items[2]), definition: optionalId(list.items[3]) };
  }
  const { name, definition, source: moduleSource } = readSource(list, source);
  return { kind: definition ? 'module_definition' : 'module', name, source: moduleSource };
}

function readSource(
  list: List,
  source: string,
): { name: string | undefined; definition: boolean; source: ModuleSource } {
  let at = 1;
  const definition = atomAt(list, at) === 'definition';
  if (definition) at++;
  const name = optionalId(list.items[at]);
  if (name !== undefined) at++;
  const form = atomAt(list, at);
  if (form === 'binary' || form === 'quote') {
    return { name, definition, source: { form, bytes: concatenate(list.items.slice(at + 1)) } };
  }
  const text = source.slice(list.start, list.end).replace(/^\(\s*module\s+definition\b/, '(module');
  return { name, definition, source: { form: 'text', text } };
}

function readAction(list: List): Action {
  const kind = headOf(list);
  if (kind !== 'invoke' && kind !== 'get') throw new SyntaxError(`action (${kind} …)`);
  const module = optionalId(list.items[1]);
  const at = module === undefined ? 1 : 2;
  const name = nameOf(list.items[at]);
  if (kind === 'get') return { kind, module, name };
  return { kind, module, name, args: list.items.slice(at + 1).map((node) => readValue(asList(node))) };
}

function readValue(list: List): Value {
  const expected = readExpected(list);
  if (expected.kind === 'bits') return { type: expected.type, bits: expected.bits };
  if (expected.kind === 'host') return { type: 'ref', ref: expected.ref };
  if (expected.kind === 'ref' && expected.pattern === 'null') return { type: 'ref', ref: null };
  throw new SyntaxError(`argument (${headOf(list)} …)`);
}

function readExpected(list: List): Expected {
  const head = headOf(list);
  const operand = atomAt(list, 1);
  switch (head) {
    case 'i32.const':
    case 'i64.const': {
      const type = head === 'i32.const' ? 'i32' : 'i64';
      return { kind: 'bits', type, bits: parseIntegerBits(operand ?? '', type === 'i32' ? 32 : 64) };
    }
    case 'f32.const':
    case 'f64.const':
      return readFloat(operand ?? '', head === 'f32.const' ? 'f32' : 'f64');
    case 'v128.const':
      return readVector(list);
    case 'ref.null':
      return { kind: 'ref', pattern: 'null' };
    case 'ref.extern':
      return operand === undefined
        ? { kind: 'ref', pattern: 'extern' }
        : { kind: 'host', ref: hostReference(Number(operand)) };
    case 'ref.host':
      return { kind: 'host', ref: hostReference(Number(operand)) };
    case 'ref.func':
      return { kind: 'ref', pattern: 'func' };
    case 'ref.i31':
      return { kind: 'ref', pattern: 'i31' };
    case 'ref.struct':
    case 'ref.array':
      return { kind: 'ref', pattern: 'object' };
    case 'ref.any':
    case 'ref.eq':
      return { kind: 'ref', pattern: 'nonnull' };
    case 'either':
      return { kind: 'either', options: list.items.slice(1).map((node) => readExpected(asList(node))) };
    default:
      throw new SyntaxError(`result (${head} …)`);
  }
}

function readFloat(text: string, type: 'f32' | 'f64'): Expected {
  if (text === 'nan:canonical' || text === 'nan:arithmetic') {
    return { kind: 'nan', type, nan: text === 'nan:canonical' ? 'canonical' : 'arithmetic' };
  }
  return { kind: 'bits', type, bits: parseFloatBits(text, type === 'f32' ? 32 : 64) };
}

function readVector(list: List): Expected {
  const shape = LANE_SHAPES[atomAt(list, 1) ?? ''];
  const literals = list.items.slice(2).map((node) => (node as Atom).text);
  if (shape === undefined || literals.length !== shape.count) throw new SyntaxError('v128.const: bad shape');
  const { width } = shape;
  if (!shape.float) {
    return {
      kind: 'bits',
      type: 'v128',
      bits: packLanes(
        literals.map((text) => parseIntegerBits(text, width)),
        width,
      ),
    };
  }
  const lanes = literals.map((text) => readFloat(text, width === 32 ? 'f32' : 'f64'));
  const bits = lanes.flatMap((lane) => (lane.kind === 'bits' ? [lane.bits] : []));
  if (bits.length < lanes.length) return { kind: 'lanes', width, lanes };
  return { kind: 'bits', type: 'v128', bits: packLanes(bits, width) };
}

function moduleOffset(list: List): number {
  const subject = list.items[1];
  return headOf(list) !== 'module' && subject?.kind === 'list' ? subject.start : list.start;
}

function headOf(list: List): string {
  return atomAt(list, 0) ?? '';
}

function atomAt(list: List, index: number): string | undefined {
  const node = list.items[index];
  return node?.kind === 'atom' ? node.text : undefined;
}

function optionalId(node: Node | undefined): string | undefined {
  return node?.kind === 'atom' && node.text.startsWith('$') ? node.text : undefined;
}

function asList(node: Node | undefined): List {
  if (node?.kind !== 'list') throw new SyntaxError('a list was expected');
  return node;
}

function nameOf(node: Node | undefined): string {
  if (node?.kind !== 'string') throw new SyntaxError('a string was expected');
  return new TextDecoder('utf-8', { ignoreBOM: true }).decode(node.bytes);
}

function concatenate(nodes: readonly Node[]): Uint8Array {
  return Uint8Array.from(nodes.flatMap((node) => (node.kind === 'string' ? [...node.bytes] : [])));
}

/** Line numbers of offsets, quickly if they grow. */
function lineCounter(source: string): (offset: number) => number {
  let line = 1;
  let at = 0;
  return (offset) => {
    if (offset < at) [line, at] = [1, 0];
    for (; at < offset; at++) if (source.charCodeAt(at) === 10) line++;
    return line;
  };
}
