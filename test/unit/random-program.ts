// Random programs in the text format: valid, terminating, and full of what an instrumenter can get wrong.
//
// A body is generated as the stack machine runs: a list of the types on the stack says which instructions fit next.
// What an instruction needs and is not there is pushed first; what a block has too much is dropped at its end. So
// values lie below calls, below blocks and below branches all the time.
//
// What a program computes and then forgets would hide errors, so nothing is dropped: `$sink_…` mixes it into a global.
//
// Termination: `$tick` takes one from a budget and says whether any is left. Functions return at once without it,
// and every branch backwards asks it.

export type Exceptions = 'none' | 'legacy' | 'standard';

interface RandomOptions {
  readonly seed: number;
  readonly exceptions?: Exceptions;
  /** Instructions per function, about. */
  readonly size?: number;
}

type Type = 'i32' | 'i64' | 'f32' | 'f64' | 'v128' | 'funcref' | 'externref' | 'exnref';
interface Signature {
  readonly params: readonly Type[];
  readonly results: readonly Type[];
}
interface Label {
  readonly kind: 'function' | 'block' | 'loop' | 'try' | 'catch';
  /** Types that a branch takes. */
  readonly types: readonly Type[];
}

const NUMBERS: readonly Type[] = ['i32', 'i64', 'f32', 'f64'];
const MAX_BLOCK_DEPTH = 6;
const BUDGET = 14;
const TURNS = 3;
const MEMORY_MASK = 1023;
const TABLE_SIZE = 8;

const UNARY: readonly (readonly [Type, Type, string])[] = [
  ['i32', 'i32', 'i32.eqz'],
  ['i32', 'i32', 'i32.clz'],
  ['i32', 'i64', 'i64.extend_i32_s'],
  ['i32', 'f32', 'f32.reinterpret_i32'],
  ['i32', 'f64', 'f64.convert_i32_s'],
  ['i32', 'v128', 'i32x4.splat'],
  ['i64', 'i32', 'i32.wrap_i64'],
  ['i64', 'i32', 'i64.eqz'],
  ['i64', 'f64', 'f64.reinterpret_i64'],
  ['i64', 'v128', 'i64x2.splat'],
  ['f32', 'i32', 'i32.reinterpret_f32'],
  ['f32', 'i32', 'i32.trunc_sat_f32_s'],
  ['f32', 'f64', 'f64.promote_f32'],
  ['f64', 'i64', 'i64.reinterpret_f64'],
  ['f64', 'f32', 'f32.demote_f64'],
  ['f64', 'f64', 'f64.floor'],
  ['v128', 'i32', 'i32x4.extract_lane 2'],
  ['v128', 'i64', 'i64x2.extract_lane 1'],
  ['v128', 'v128', 'v128.not'],
  ['funcref', 'i32', 'ref.is_null'],
  ['externref', 'i32', 'ref.is_null'],
  ['exnref', 'i32', 'ref.is_null'],
];

const BINARY: Readonly<Record<string, readonly (readonly [Type, string])[]>> = {
  i32: [
    ['i32', 'i32.add'],
    ['i32', 'i32.sub'],
    ['i32', 'i32.mul'],
    ['i32', 'i32.xor'],
    ['i32', 'i32.rotl'],
    ['i32', 'i32.lt_s'],
    ['i32', 'i32.div_u'],
  ],
  i64: [
    ['i64', 'i64.add'],
    ['i64', 'i64.sub'],
    ['i64', 'i64.xor'],
    ['i32', 'i64.gt_u'],
    ['i64', 'i64.shr_s'],
  ],
  f32: [
    ['f32', 'f32.add'],
    ['f32', 'f32.mul'],
    ['i32', 'f32.le'],
  ],
  f64: [
    ['f64', 'f64.add'],
    ['f64', 'f64.sub'],
    ['i32', 'f64.lt'],
  ],
  v128: [
    ['v128', 'i32x4.add'],
    ['v128', 'v128.xor'],
    ['v128', 'i8x16.shuffle 0 17 2 19 4 21 6 23 8 25 10 27 12 29 14 31'],
  ],
};

const SINKS: readonly string[] = [
  `(func $sink_i64 (param i64)
    (global.set $sum (i64.add (i64.mul (global.get $sum) (i64.const 0x5851f42d4c957f2d)) (local.get 0))))`,
  '(func $sink_i32 (param i32) (call $sink_i64 (i64.extend_i32_u (local.get 0))))',
  '(func $sink_f32 (param f32) (call $sink_i32 (i32.reinterpret_f32 (local.get 0))))',
  '(func $sink_f64 (param f64) (call $sink_i64 (i64.reinterpret_f64 (local.get 0))))',
  `(func $sink_v128 (param v128) (call $sink_i64 (i64x2.extract_lane 0 (local.get 0)))
    (call $sink_i64 (i64x2.extract_lane 1 (local.get 0))))`,
  '(func $sink_funcref (param funcref) (call $sink_i32 (ref.is_null (local.get 0))))',
  '(func $sink_externref (param externref) (call $sink_i32 (ref.is_null (local.get 0))))',
];

/** The tag and the payload of an exception. */
const EXCEPTION_SINK = `(func $sink_exnref (param exnref)
  (if (ref.is_null (local.get 0)) (then (call $sink_i32 (i32.const 9)) (return)))
  block $a block $b (result i32)
    try_table (catch $e0 $a) (catch $e1 $b) (catch_all 2) local.get 0 throw_ref end unreachable
  end call $sink_i32 return end (call $sink_i32 (i32.const 7)))`;

/** A small generator with a seed (mulberry32). */
class Random {
  #state: number;
  constructor(seed: number) {
    this.#state = seed >>> 0;
  }
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let t = this.#state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return (t ^ (t >>> 14)) >>> 0;
  }
  /** From 0 to `limit` - 1. */
  below(limit: number): number {
    return this.next() % limit;
  }
  chance(percent: number): boolean {
    return this.below(100) < percent;
  }
  pick<T>(list: readonly T[]): T {
    return list[this.below(list.length)]!;
  }
}

/** The text of a module that exports `run`, a function without parameters, and `memory`. */
export function randomProgram(options: RandomOptions): string {
  return new Generator(options).module();
}

class Generator {
  readonly random: Random;
  readonly exceptions: Exceptions;
  readonly size: number;
  readonly functions: Signature[] = [];
  readonly hosts: Signature[] = [];
  readonly globals: Type[] = [];
  readonly tags: (readonly Type[])[] = [];
  /** Function in each entry of the table. */
  readonly table: number[] = [];

  constructor({ seed, exceptions = 'none', size = 40 }: RandomOptions) {
    this.random = new Random(seed);
    this.exceptions = exceptions;
    this.size = size;
  }

  module(): string {
    const { random } = this;
    const types = this.valueTypes();
    const list = (max: number): Type[] => Array.from({ length: random.below(max + 1) }, () => random.pick(types));
    this.hosts.push({ params: [], results: [] }, { params: ['i32'], results: ['i32'] });
    this.hosts.push({ params: ['i64', 'f64'], results: ['f64'] }, { params: ['i32'], results: ['i32', 'i64'] });
    for (let f = 2 + random.below(3); f > 0; f--) this.functions.push({ params: list(3), results: list(2) });
    this.functions[0] = { params: [], results: Array.from({ length: random.below(4) }, () => random.pick(NUMBERS)) };
    // Only what every function type can give back by itself.
    this.globals.push('i32', 'i64', 'f64', 'v128', 'funcref');
    if (this.exceptions !== 'none') {
      this.tags.push(
        [],
        ['i32'],
        Array.from({ length: 1 + random.below(3) }, () => random.pick(types)),
      );
      this.tags[2] = this.tags[2]!.filter((type) => type !== 'exnref');
    }
    for (let k = 0; k < TABLE_SIZE; k++) this.table.push(random.below(this.functions.length));
    const lines: string[] = ['(module'];
    this.hosts.forEach((type, k) => {
      lines.push(`(import "host" "h${k}" (func $h${k} ${signature(type)}))`);
    });
    lines.push('(memory (export "memory") 1 4)', '(memory $m2 i64 1 1)');
    lines.push(`(table $t ${TABLE_SIZE} 12 funcref)`, '(table $t2 2 10 externref)');
    this.tags.forEach((params, k) => {
      lines.push(`(tag $e${k} ${params.length > 0 ? `(param ${params.join(' ')})` : ''})`);
    });
    this.globals.forEach((type, k) => {
      lines.push(`(global $g${k} (mut ${type}) (${zero(type)}))`);
    });
    lines.push(`(global $budget (mut i32) (i32.const ${BUDGET}))`);
    lines.push('(data $d "passive segment")', '(data (i32.const 16) "active segment")');
    lines.push(`(elem (table $t) (i32.const 0) func ${this.table.map((f) => `$f${f}`).join(' ')})`);
    lines.push(`(elem $p func ${this.functions.map((_, f) => `$f${f}`).join(' ')})`);
    lines.push(`(func $tick (result i32) (global.set $budget (i32.sub (global.get $budget) (i32.const 1)))
      (i32.gt_s (global.get $budget) (i32.const 0)))`);
    lines.push('(global $sum (export "sum") (mut i64) (i64.const 0))', ...SINKS);
    if (this.exceptions === 'standard') lines.push(EXCEPTION_SINK);
    this.functions.forEach((type, f) => {
      lines.push(...new Body(this, f, type).generate());
    });
    lines.push(...this.main(), ')');
    return lines.join('\n');
  }

  /** Calls the first function a few times, each time with a new budget; its exceptions end here. */
  main(): string[] {
    const call = ['call $f0', ...this.functions[0]!.results.map((type) => `call $sink_${type}`).toReversed()];
    const caught = {
      none: call,
      legacy: ['try', ...call, 'catch_all', 'i32.const 13', 'call $sink_i32', 'end'],
      standard: ['block', 'try_table (catch_all 0)', ...call, 'end', 'end', 'i32.const 13', 'call $sink_i32'],
    }[this.exceptions];
    return [
      '(func (export "run") (local $n i32)',
      'loop $again',
      `(global.set $budget (i32.const ${BUDGET}))`,
      ...caught,
      '(local.set $n (i32.add (local.get $n) (i32.const 1)))',
      `(br_if $again (i32.lt_u (local.get $n) (i32.const ${TURNS})))`,
      'end)',
    ];
  }

  valueTypes(): readonly Type[] {
    const all: Type[] = ['i32', 'i32', 'i64', 'f32', 'f64', 'v128', 'funcref', 'externref'];
    if (this.exceptions === 'standard') all.push('exnref');
    return all;
  }
}

class Body {
  readonly g: Generator;
  readonly random: Random;
  readonly index: number;
  readonly type: Signature;
  readonly locals: Type[];
  readonly lines: string[] = [];
  readonly labels: Label[] = [];
  readonly stack: Type[] = [];
  /** Height of the stack at the start of the innermost block. */
  base = 0;
  left: number;

  constructor(generator: Generator, index: number, type: Signature) {
    this.g = generator;
    this.random = generator.random;
    this.index = index;
    this.type = type;
    this.left = generator.size / 2 + this.random.below(generator.size);
    const extra = Array.from({ length: 2 + this.random.below(6) }, () => this.random.pick(generator.valueTypes()));
    if (generator.exceptions === 'standard') extra.push('exnref');
    // So many that one handler serves the whole function, and that a record is written by several calls.
    if (this.random.chance(5)) {
      for (let k = 0; k < 500; k++) extra.push(this.random.pick(generator.valueTypes()));
    }
    this.locals = [...type.params, ...extra];
  }

  generate(): string[] {
    const { lines, type } = this;
    const extra = this.locals.slice(type.params.length);
    lines.push(`(func $f${this.index} ${signature(type)} (local ${extra.join(' ')})`);
    this.emit('call $tick', 'i32.eqz', 'if');
    for (const result of type.results) this.emit(zero(result));
    this.emit('return', 'end');
    this.labels.push({ kind: 'function', types: type.results });
    if (this.sequence(0)) {
      this.sinkLocals();
      this.settle(type.results);
    }
    lines.push(')');
    return lines;
  }

  emit(...text: string[]): void {
    this.lines.push(...text);
  }

  /** Instructions of one block; false if its end cannot be reached. */
  sequence(depth: number): boolean {
    const steps = 2 + this.random.below(depth === 0 ? 24 : 8);
    for (let k = 0; k < steps && this.left > 0; k++) {
      this.left--;
      if (!this.step(depth)) return false;
    }
    return true;
  }

  /** Makes the innermost block's part of the stack exactly `types`. */
  settle(types: readonly Type[]): void {
    const own = this.stack.slice(this.base);
    let keep = Math.min(own.length, types.length);
    while (keep > 0 && own.slice(0, keep).some((type, k) => type !== types[k])) keep--;
    // Values that fit lie at the bottom; what lies above them goes.
    while (this.stack.length > this.base + keep) this.drop();
    for (const type of types.slice(keep)) this.push(type);
  }

  drop(): void {
    this.emit(`call $sink_${this.stack.pop()}`);
  }

  /** Everything that the locals hold. */
  sinkLocals(): void {
    this.locals.forEach((type, x) => {
      this.emit(`local.get ${x}`, `call $sink_${type}`);
    });
  }

  top(): Type | undefined {
    return this.stack.length > this.base ? this.stack[this.stack.length - 1] : undefined;
  }

  /** Pushes a value of a type from somewhere. */
  push(type: Type): void {
    const { random, g } = this;
    this.stack.push(type);
    const locals = this.locals.flatMap((t, x) => (t === type ? [x] : []));
    const globals = g.globals.flatMap((t, k) => (t === type ? [k] : []));
    if (locals.length > 0 && random.chance(55)) this.emit(`local.get ${random.pick(locals)}`);
    else if (globals.length > 0 && random.chance(30)) this.emit(`global.get $g${random.pick(globals)}`);
    else if (type === 'funcref' && random.chance(70)) this.emit(`ref.func $f${random.below(g.functions.length)}`);
    else this.emit(this.constant(type));
  }

  pushAll(types: readonly Type[]): void {
    for (const type of types) this.push(type);
  }

  /** Makes `types` lie on top of the stack; uses what is there if it fits by chance. */
  need(types: readonly Type[]): void {
    const from = this.stack.length - types.length;
    if (from >= this.base && types.every((type, k) => this.stack[from + k] === type) && this.random.chance(80)) return;
    this.pushAll(types);
  }

  pop(count: number): void {
    this.stack.length -= count;
  }

  constant(type: Type): string {
    const { random } = this;
    switch (type) {
      case 'i32':
        return `i32.const ${random.pick([0, 1, 2, 3, 7, -1, 255, 1000, -2147483648, random.next() | 0])}`;
      case 'i64':
        return `i64.const ${random.pick([0, 1, -1, 42, 4294967296, random.next()])}`;
      case 'f32':
        return `f32.const ${random.pick(['0', '-0', '1.5', 'inf', 'nan:0x200001', '-3'])}`;
      case 'f64':
        return `f64.const ${random.pick(['0', '-0', '2.25', '-inf', 'nan:0x8000000000001', '1e10'])}`;
      case 'v128':
        return `v128.const i32x4 ${random.next() | 0} 1 -1 ${random.below(9)}`;
      default:
        return zero(type);
    }
  }

  /** One more instruction, or a whole block; false if control never goes on behind it. */
  step(depth: number): boolean {
    const { random, g } = this;
    if (g.exceptions !== 'none' && random.chance(20)) return this.exception(depth);
    const kind = random.below(100);
    if (kind < 12) {
      this.push(random.pick(g.valueTypes()));
      return true;
    }
    if (kind < 22) return this.compute();
    if (kind < 34) return this.localAccess();
    if (kind < 46) return this.call();
    if (kind < 66) return depth < MAX_BLOCK_DEPTH ? this.block(depth) : this.compute();
    if (kind < 74) return this.branch();
    if (kind < 82) return this.memory();
    if (kind < 87) return this.references();
    if (kind < 90) {
      const top = this.top();
      if (top === undefined) this.push('i32');
      else if (!isReference(top) && random.chance(60)) {
        this.push(top);
        this.push('i32');
        this.emit('select');
        this.pop(2);
      } else if (isReference(top)) {
        this.push(top);
        this.push('i32');
        this.emit(`select (result ${top})`);
        this.pop(2);
      } else this.drop();
      return true;
    }
    if (kind < 96) return this.compute();
    if (kind < 98) return this.leave();
    const globals = g.globals.flatMap((type, k) => (type === this.top() ? [k] : []));
    if (globals.length > 0) {
      this.emit(`global.set $g${random.pick(globals)}`);
      this.pop(1);
    }
    return true;
  }

  compute(): boolean {
    const { random } = this;
    const top = this.top();
    if (top === undefined) {
      this.push(random.pick(NUMBERS));
      return true;
    }
    const unary = UNARY.filter(([from]) => from === top);
    const binary = BINARY[top];
    if (binary === undefined || random.chance(40)) {
      const [, to, text] = random.pick(unary);
      this.emit(text);
      this.pop(1);
      this.stack.push(to);
      return true;
    }
    const [to, text] = random.pick(binary);
    this.need([top, top]);
    if (text === 'i32.div_u' && random.chance(97)) this.emit('i32.const 1', 'i32.or');
    this.emit(text);
    this.pop(2);
    this.stack.push(to);
    return true;
  }

  localAccess(): boolean {
    const { random } = this;
    const x = random.below(this.locals.length);
    const type = this.locals[x]!;
    switch (random.below(4)) {
      case 0:
        this.emit(`local.get ${x}`);
        this.stack.push(type);
        break;
      case 1:
        this.need([type]);
        this.emit(`local.tee ${x}`);
        break;
      default:
        this.need([type]);
        this.emit(`local.set ${x}`);
        this.pop(1);
        break;
    }
    return true;
  }

  call(): boolean {
    const { random, g } = this;
    const kind = random.below(10);
    if (kind < 4) {
      this.callHost();
    } else if (kind < 8) {
      const f = random.below(g.functions.length);
      this.callWith(g.functions[f]!, `call $f${f}`);
    } else {
      const entry = random.below(TABLE_SIZE);
      const type = g.functions[g.table[entry]!]!;
      this.need(type.params);
      this.emit(`i32.const ${random.chance(95) ? entry : random.below(16)}`, `call_indirect $t ${signature(type)}`);
      this.pop(type.params.length);
      this.stack.push(...type.results);
    }
    return true;
  }

  callHost(): void {
    const h = this.random.below(this.g.hosts.length);
    this.callWith(this.g.hosts[h]!, `call $h${h}`);
  }

  callWith(type: Signature, text: string): void {
    this.need(type.params);
    this.emit(text);
    this.pop(type.params.length);
    this.stack.push(...type.results);
  }

  /** Block types: parameters from the top of the stack, any results. */
  block(depth: number): boolean {
    const { random, g } = this;
    const kind = random.pick(['block', 'block', 'loop', 'loop', 'if', 'if', 'if-without-else'] as const);
    const available = this.stack.length - this.base;
    const params = this.stack.slice(this.stack.length - random.below(Math.min(available, 3) + 1));
    const results = Array.from({ length: random.below(3) }, () => random.pick(g.valueTypes()));
    if (kind === 'if-without-else') {
      this.emitCondition();
      this.emit(`if ${signature({ params, results: params })}`);
      this.arm('block', params, params, params, depth);
      this.emit('end');
      this.stack.push(...params);
      return true;
    }
    if (kind === 'if') {
      this.emitCondition();
      this.emit(`if ${signature({ params, results })}`);
      this.arm('block', params, results, results, depth);
      this.stack.push(...params);
      this.emit('else');
      this.arm('block', params, results, results, depth);
      this.emit('end');
      this.stack.push(...results);
      return true;
    }
    this.emit(`${kind} ${signature({ params, results })}`);
    if (kind === 'loop') this.arm('loop', params, results, params, depth, true);
    else this.arm('block', params, results, results, depth);
    this.emit('end');
    this.stack.push(...results);
    return true;
  }

  emitCondition(): void {
    this.push('i32');
    this.pop(1);
  }

  /** The inside of a block whose parameters lie on the stack; leaves the stack below them. */
  arm(
    kind: Label['kind'],
    params: readonly Type[],
    results: readonly Type[],
    labelTypes: readonly Type[],
    depth: number,
    again = false,
  ): void {
    const outerBase = this.base;
    this.base = this.stack.length - params.length;
    const height = this.base;
    this.labels.push({ kind, types: labelTypes });
    if (kind === 'catch' && this.random.chance(60)) this.callHost();
    if (kind === 'catch' && this.random.chance(50)) {
      this.emitCondition();
      this.emit('if', 'rethrow 1', 'end');
    }
    const goesOn = this.sequence(depth + 1);
    if (goesOn && kind === 'catch' && this.random.chance(50)) this.emit('rethrow 0');
    else if (goesOn && kind === 'try' && this.random.chance(65)) this.throwSome();
    else if (goesOn) {
      if (again && this.random.chance(70)) {
        this.pushAll(params);
        this.emit('call $tick', 'br_if 0');
        this.stack.length -= params.length;
        // What br_if leaves on the stack when it does not branch.
        this.stack.push(...params);
      }
      this.settle(results);
    }
    this.labels.pop();
    this.stack.length = height;
    this.base = outerBase;
  }

  /** Labels that a plain branch may take: forwards only. */
  forward(): number[] {
    return this.labels.flatMap((label, k) => (label.kind === 'loop' ? [] : [this.labels.length - 1 - k]));
  }

  label(depth: number): Label {
    return this.labels[this.labels.length - 1 - depth]!;
  }

  branch(): boolean {
    const { random } = this;
    const depth = random.below(this.labels.length);
    const label = this.label(depth);
    const text = label.types;
    this.need(text);
    if (label.kind === 'loop' || random.chance(30)) {
      if (label.kind === 'loop') this.emit('call $tick');
      else this.emitCondition();
      this.emit(`br_if ${depth}`);
      return true;
    }
    const alike = this.forward().filter((d) => {
      const { types } = this.label(d);
      return types.length === text.length && types.every((type, k) => type === text[k]);
    });
    if (random.chance(60) && alike.length > 0) {
      this.emitCondition();
      this.emit('i32.const 3', 'i32.and');
      const targets = Array.from({ length: 1 + random.below(4) }, () => random.pick(alike));
      if (random.chance(50)) {
        this.emit(`br_table ${targets.join(' ')}`);
        return false;
      }
      // Inside an arm of its own, so that the rest of the block stays reachable.
      this.emit('drop');
      this.emitCondition();
      this.emit(`br_if ${depth}`);
      return true;
    }
    if (random.chance(50)) {
      this.emitCondition();
      this.emit(`br_if ${depth}`);
      return true;
    }
    this.emit(`br ${depth}`);
    this.dead();
    return false;
  }

  /** Sometimes code that is never reached. */
  dead(): void {
    if (this.random.chance(40)) this.emit('i32.const 1', 'drop', 'block', 'call $h0', 'loop', 'br 0', 'end', 'end');
  }

  memory(): boolean {
    const { random } = this;
    const address = (): void => {
      this.need(['i32']);
      this.emit(`i32.const ${MEMORY_MASK}`, 'i32.and');
    };
    switch (random.below(9)) {
      case 0:
      case 1:
        address();
        this.emit(random.pick(['i32.load', 'i32.load8_u offset=3', 'i32.load16_s']));
        break;
      case 2: {
        const type = random.pick(['i64', 'f32', 'f64', 'v128'] as const);
        address();
        this.emit(`${type}.load`);
        this.pop(1);
        this.stack.push(type);
        break;
      }
      case 3:
      case 4: {
        const type = random.pick(['i32', 'i64', 'f32', 'f64', 'v128'] as const);
        address();
        this.push(type);
        this.emit(`${type}.store`);
        this.pop(2);
        break;
      }
      case 5:
        this.emit(`i32.const ${random.below(2)}`, 'memory.grow');
        this.stack.push('i32');
        break;
      case 6:
        this.emit('i32.const 40', 'i32.const 1', 'i32.const 4', 'memory.init $d');
        if (random.chance(20)) this.emit('data.drop $d');
        break;
      case 7:
        this.emit('i32.const 60', 'i32.const 16', 'i32.const 9', 'memory.copy');
        break;
      default:
        this.emit('i64.const 24');
        this.push('i64');
        this.pop(1);
        this.emit('i64.store $m2', 'i64.const 17', 'i64.load $m2 offset=8');
        this.stack.push('i64');
        break;
    }
    return true;
  }

  references(): boolean {
    const { random, g } = this;
    switch (random.below(6)) {
      case 0:
        this.emit(`i32.const ${random.below(TABLE_SIZE)}`, 'table.get $t');
        this.stack.push('funcref');
        break;
      case 1:
        // Only an entry above those that calls go through.
        this.emit('table.size $t', 'i32.const 1', 'i32.sub');
        this.push('funcref');
        this.pop(1);
        this.emit('drop', 'drop');
        break;
      case 2: {
        const entry = random.below(TABLE_SIZE);
        this.emit(`i32.const ${entry}`, `ref.func $f${g.table[entry]}`, 'table.set $t');
        break;
      }
      case 3:
        this.push('funcref');
        this.emit(`i32.const ${random.below(2)}`, 'table.grow $t');
        this.pop(1);
        this.stack.push('i32');
        break;
      case 4:
        this.emit('i32.const 0', 'i32.const 0', 'i32.const 0', 'table.init $t $p');
        if (random.chance(20)) this.emit('elem.drop $p');
        break;
      default:
        this.emit('i32.const 1', 'table.get $t2');
        this.stack.push('externref');
        break;
    }
    return true;
  }

  /** Return or a tail call. */
  leave(): boolean {
    const { random, g } = this;
    const same = (type: Signature): boolean => type.results.join() === this.type.results.join();
    const functions = g.functions.flatMap((type, f) => (same(type) ? [{ type, text: `return_call $f${f}` }] : []));
    const hosts = g.hosts.flatMap((type, h) => (same(type) ? [{ type, text: `return_call $h${h}` }] : []));
    const candidates = [...functions, ...functions, ...hosts];
    // Never out of a try: a tail call leaves it, which the text of a test would not expect.
    if (candidates.length > 0 && random.chance(60)) {
      const { type, text } = random.pick(candidates);
      this.need(type.params);
      this.emit(text);
    } else {
      this.need(this.type.results);
      this.emit('return');
    }
    this.dead();
    return false;
  }

  exception(depth: number): boolean {
    const { random, g } = this;
    const rethrowable = this.labels.flatMap((label, k) => (label.kind === 'catch' ? [this.labels.length - 1 - k] : []));
    if (random.chance(30) || depth >= MAX_BLOCK_DEPTH) {
      this.emitCondition();
      this.emit('if');
      this.throwSome();
      this.emit('end');
      return true;
    }
    if (rethrowable.length > 0 && random.chance(60)) {
      if (random.chance(40)) {
        this.emit(`rethrow ${random.pick(rethrowable)}`);
        return false;
      }
      this.emitCondition();
      this.emit('if', `rethrow ${random.pick(rethrowable) + 1}`, 'end');
      return true;
    }
    return g.exceptions === 'legacy' ? this.legacyTry(depth) : this.standardTry(depth);
  }

  throwSome(): void {
    const height = this.stack.length;
    const tag = this.random.below(this.g.tags.length);
    this.pushAll(this.g.tags[tag]!);
    this.emit(`throw $e${tag}`);
    this.stack.length = height;
  }

  legacyTry(depth: number): boolean {
    const { random, g } = this;
    const available = this.stack.length - this.base;
    const params = this.stack.slice(this.stack.length - random.below(Math.min(available, 2) + 1));
    const results = Array.from({ length: random.below(3) }, () => random.pick(g.valueTypes()));
    this.emit(`try ${signature({ params, results })}`);
    const delegates = random.chance(15);
    this.arm('try', params, results, results, depth);
    if (delegates) {
      this.emit(`delegate ${random.below(this.labels.length)}`);
      this.stack.push(...results);
      return true;
    }
    for (let c = random.below(3); c > 0; c--) {
      const tag = random.below(g.tags.length);
      this.emit(`catch $e${tag}`);
      this.stack.push(...g.tags[tag]!);
      this.arm('catch', g.tags[tag]!, results, results, depth);
    }
    if (random.chance(60)) {
      this.emit('catch_all');
      this.arm('catch', [], results, results, depth);
    }
    this.emit('end');
    this.stack.push(...results);
    return true;
  }

  /** block (payload) block (payload exnref) try_table … end br 2 end … end */
  standardTry(depth: number): boolean {
    const { random, g } = this;
    const results = Array.from({ length: random.below(2) }, () => random.pick(g.valueTypes()));
    const tag = random.below(g.tags.length);
    const withReference = random.chance(75);
    const payload: Type[] = [
      ...(random.chance(60) ? g.tags[tag]! : []),
      ...(withReference ? (['exnref'] as Type[]) : []),
    ];
    const catchesAll = payload.length === (withReference ? 1 : 0) && (g.tags[tag]!.length > 0 || random.chance(50));
    const kind = `catch${catchesAll ? '_all' : ''}${withReference ? '_ref' : ''}${catchesAll ? '' : ` $e${tag}`}`;
    this.emit(`block ${signature({ params: [], results })}`, `block ${signature({ params: [], results: payload })}`);
    this.labels.push({ kind: 'block', types: results });
    this.labels.push({ kind: 'block', types: payload });
    const outerBase = this.base;
    this.base = this.stack.length;
    this.emit(`try_table ${signature({ params: [], results })} (${kind} 0)`);
    this.arm('try', [], results, results, depth);
    this.emit('end');
    this.emit('br 1');
    this.labels.pop();
    this.emit('end');
    this.stack.push(...payload);
    if (withReference && random.chance(60)) this.emit(`local.tee ${this.locals.lastIndexOf('exnref')}`);
    if (withReference && random.chance(70)) this.callHost();
    if (this.sequence(depth + 1)) {
      const references = this.locals.flatMap((type, x) => (type === 'exnref' ? [x] : []));
      if (this.top() === 'exnref' && random.chance(50)) {
        if (references.length > 0 && random.chance(50)) {
          this.emit(`local.tee ${random.pick(references)}`);
        }
        this.emit('throw_ref');
      } else this.settle(results);
    }
    this.stack.length = this.base;
    this.base = outerBase;
    this.labels.pop();
    this.emit('end');
    this.stack.push(...results);
    return true;
  }
}

function isReference(type: Type): boolean {
  return type === 'funcref' || type === 'externref' || type === 'exnref';
}

function zero(type: Type): string {
  switch (type) {
    case 'funcref':
      return 'ref.null func';
    case 'externref':
      return 'ref.null extern';
    case 'exnref':
      return 'ref.null exn';
    case 'v128':
      return 'v128.const i32x4 0 0 0 0';
    default:
      return `${type}.const 0`;
  }
}

function signature({ params, results }: Signature): string {
  const parts: string[] = [];
  if (params.length > 0) parts.push(`(param ${params.join(' ')})`);
  if (results.length > 0) parts.push(`(result ${results.join(' ')})`);
  return parts.join(' ');
}
