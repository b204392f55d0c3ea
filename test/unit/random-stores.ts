// Random programs in the text format that write all over their memories: plain stores, vectors and lanes, atomics, ranges,
// from every kind of address and at offsets around the size of a page, between branches, loops, calls and host calls.
//
// Every value that is stored is a new one, so that whoever looks for changes finds each of them.

import { randomFrom } from '../guest/random.ts';

const OFFSETS: readonly number[] = [
  0, 1, 3, 8, 100, 2000, 4074, 4080, 4081, 4082, 4088, 4095, 4096, 4097, 5000, 8177, 9000,
];
const STORES: readonly (readonly [type: string, name: string])[] = [
  ['i32', 'i32.store'],
  ['i32', 'i32.store8'],
  ['i32', 'i32.store16'],
  ['i64', 'i64.store'],
  ['i64', 'i64.store32'],
  ['f32', 'f32.store'],
  ['f64', 'f64.store'],
  ['v128', 'v128.store'],
];
const MAX_DEPTH = 3;
const LOCALS = 4;

export interface StoreProgramOptions {
  readonly seed: number;
  /** Addresses of memory 0; those of memory 1 have 32 bits. */
  readonly is64?: boolean;
  readonly statements?: number;
}

/** A module that exports `run` and the memory; it imports `host.f: [i32] -> [i32]`. */
export function randomStores(options: StoreProgramOptions): string {
  return new Generator(options).module();
}

class Generator {
  readonly #random: () => number;
  readonly #is64: boolean;
  readonly #statements: number;
  #depth = 0;
  #isLeaf = false;

  constructor({ seed, is64 = false, statements = 30 }: StoreProgramOptions) {
    this.#random = randomFrom(seed);
    this.#is64 = is64;
    this.#statements = statements;
  }

  module(): string {
    const a = this.#is64 ? 'i64' : 'i32';
    const locals = Array.from({ length: LOCALS }, (_, k) => `(local $p${k} ${a})`).join(' ');
    const start = Array.from({ length: LOCALS }, (_, k) => `(local.set $p${k} ${this.#address()})`).join(' ');
    return `(module
      (import "host" "f" (func $host (param i32) (result i32)))
      (memory $m (export "memory") ${a === 'i64' ? 'i64 ' : ''}4 4) (memory $other 4 4)
      (data $d "${'wvm.'.repeat(2500)}")
      (global $n (mut i32) (i32.const 0))
      (func $next (result i32) (global.set $n (i32.add (global.get $n) (i32.const 1))) (global.get $n))
      (func $leaf (param $p0 ${a}) (param $p1 ${a}) (result i32) (local $p2 ${a}) (local $p3 ${a}) (local $i i32)
        (local.set $p2 ${this.#address()}) (local.set $p3 ${this.#address()})
        ${this.#leafBody()} (call $next))
      (func $work (param $i i32) (param $p0 ${a}) ${locals.replace(/\(local \$p0 i..\)/, '')}
        ${start} ${this.#body(this.#statements)})
      (func (export "run") (local $i i32) (local $p0 ${a})
        (loop $l
          (call $work (local.get $i) ${this.#address()})
          (br_if $l (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 2))))))`;
  }

  #pick<T>(list: readonly T[]): T {
    return list[Math.floor(this.#random() * list.length)]!;
  }

  #below(count: number): number {
    return Math.floor(this.#random() * count);
  }

  #body(count: number): string {
    return Array.from({ length: count }, () => this.#statement()).join('\n');
  }

  /** Nothing in it suspends. */
  #leafBody(): string {
    this.#isLeaf = true;
    const statements = Array.from({ length: 6 }, () =>
      this.#pick([() => this.#store(), () => this.#sameBase(), () => this.#range(), () => this.#assign()])(),
    );
    this.#isLeaf = false;
    return statements.join('\n');
  }

  #statement(): string {
    const simple = [
      () => this.#store(),
      () => this.#store(),
      () => this.#store(),
      () => this.#sameBase(),
      () => this.#sameBase(),
      () => this.#movedBase(),
      () => this.#movedBase(),
      () => this.#lane(),
      () => this.#atomic(),
      () => this.#range(),
      () => this.#assign(),
      () => `(drop (call $host (i32.const ${this.#below(9)})))`,
      () => `(drop (call $leaf ${this.#local()} ${this.#local()}))`,
    ];
    const nested = [
      () => `(if ${this.#condition()} (then ${this.#body(3)}) (else ${this.#body(3)}))`,
      () => `(if ${this.#condition()} (then ${this.#body(3)}))`,
      () =>
        `(block $b (br_if $b ${this.#condition()}) ${this.#body(3)} (br_if $b ${this.#condition()}) ${this.#body(2)})`,
      () => `(local.set $i (i32.const 3))
        (loop $l ${this.#body(3)} (br_if $l (i32.gt_s (local.tee $i (i32.sub (local.get $i) (i32.const 1))) (i32.const 0))))`,
    ];
    if (this.#depth >= MAX_DEPTH || this.#random() < 0.8) return this.#pick(simple)();
    this.#depth++;
    const text = this.#pick(nested)();
    this.#depth--;
    return text;
  }

  #condition(): string {
    return `(i32.and (call $next) (i32.const ${1 + this.#below(3)}))`;
  }

  #local(): string {
    return `(local.get $p${this.#below(LOCALS)})`;
  }

  #const(value: number): string {
    return `(${this.#is64 ? 'i64' : 'i32'}.const ${value})`;
  }

  /** Somewhere from 16384 to 131072, a multiple of 8. */
  #address(): string {
    return this.#const(16384 + 8 * this.#below(14336));
  }

  #anyAddress(): string {
    const a = this.#is64 ? 'i64' : 'i32';
    const step = 8 * (this.#below(2048) - 1024);
    return this.#pick([
      () => this.#local(),
      () => this.#local(),
      () => this.#address(),
      () => `(${a}.add ${this.#local()} ${this.#const(step)})`,
      () => `(${a}.add ${this.#const(step)} ${this.#local()})`,
      () =>
        `(${a}.add (${a}.const 16384) (${a}.and (${a}.mul ${this.#local()} (${a}.const 40503)) (${a}.const 65528)))`,
      () => `(local.tee $p${this.#below(LOCALS)} ${this.#address()})`,
      () => `(select ${this.#local()} ${this.#address()} ${this.#condition()})`,
    ])();
  }

  #value(type: string): string {
    const number = this.#pick([
      () => `(i32.add (call $next) (i32.const ${this.#below(2 ** 20)}))`,
      () => '(i32.mul (global.get $n) (i32.const 77))',
      () => `(call $leaf ${this.#local()} ${this.#local()})`,
      () => `(call $host (i32.const ${this.#below(99)}))`,
      () => `(block (result i32) ${this.#store()} (call $next))`,
    ])();
    switch (type) {
      case 'i64':
        return `(i64.extend_i32_u ${number})`;
      case 'f32':
        return `(f32.convert_i32_u ${number})`;
      case 'f64':
        return `(f64.convert_i32_u ${number})`;
      case 'v128':
        return `(i32x4.splat ${number})`;
      default:
        return number;
    }
  }

  #store(): string {
    const [type, name] = this.#pick(STORES);
    const value = this.#nestedValue(type);
    if (this.#random() < 0.15) {
      return `(${name} $other offset=${this.#pick(OFFSETS)} (i32.const ${16384 + this.#below(65536)}) ${value})`;
    }
    return `(${name} offset=${this.#pick(OFFSETS)} ${this.#anyAddress()} ${value})`;
  }

  /** A store may lie in the value of another one; in the leaf there are no calls. */
  #nestedValue(type: string): string {
    if (this.#isLeaf || this.#depth > MAX_DEPTH || this.#random() < 0.5) return this.#plainValue(type);
    this.#depth += 2;
    const text = this.#value(type);
    this.#depth -= 2;
    return text;
  }

  #plainValue(type: string): string {
    const convert: Readonly<Record<string, string>> = {
      i64: 'i64.extend_i32_u',
      f32: 'f32.convert_i32_u',
      f64: 'f64.convert_i32_u',
      v128: 'i32x4.splat',
    };
    const name = convert[type];
    const number = this.#pick([
      () => '(call $next)',
      () => `(i32.const ${this.#below(2 ** 30)})`,
      // Its base moves while the address lies on the stack.
      () => {
        const local = this.#below(LOCALS);
        const step = 8 * (this.#below(500) - 250);
        if (!this.#is64) return `(local.tee $p${local} (i32.add (local.get $p${local}) (i32.const ${step})))`;
        return `(i32.wrap_i64 (local.tee $p${local} (i64.add (local.get $p${local}) (i64.const ${step}))))`;
      },
      // A store within another one's operands.
      () =>
        `(i32.atomic.rmw.add offset=${8 * this.#below(600)} ${this.#anyAddress()} (i32.const ${this.#below(2 ** 20)}))`,
      () => `(i32.add (global.get $n) (i32.const ${this.#below(2 ** 20)}))`,
    ])();
    return name === undefined ? number : `(${name} ${number})`;
  }

  /** What a compiler makes of a structure: one base, many offsets, in any order. */
  #sameBase(): string {
    const base = this.#local();
    return Array.from({ length: 2 + this.#below(4) }, () => {
      const [type, name] = this.#pick(STORES);
      const offset = this.#random() < 0.7 ? this.#below(4200) : this.#pick(OFFSETS);
      return `(${name} offset=${offset} ${base} ${this.#plainValue(type)})`;
    }).join(' ');
  }

  /** The same local is another address. */
  #movedBase(): string {
    const local = this.#below(LOCALS);
    const store = (): string => {
      const [type, name] = this.#pick(STORES);
      return `(${name} offset=${this.#below(300)} (local.get $p${local}) ${this.#plainValue(type)})`;
    };
    const move = this.#pick([
      () => `(local.set $p${local} ${this.#address()})`,
      () => `(if ${this.#condition()} (then (local.set $p${local} ${this.#address()})))`,
      () => `(block $b (br_if $b ${this.#condition()}) (local.set $p${local} ${this.#address()}))`,
      () => `(if ${this.#condition()} (then (local.set $p${local} ${this.#address()}) ${store()}) (else ${store()}))`,
    ]);
    return `${store()} ${move()} ${this.#sum(local)} ${store()} ${this.#sum(this.#below(LOCALS))}`;
  }

  /** A local that is a sum of another one, which may then be another address. */
  #sum(local: number): string {
    const a = this.#is64 ? 'i64' : 'i32';
    const [one, other, third] = [local, this.#below(LOCALS), this.#below(LOCALS)];
    const store = (index: number): string =>
      `(i32.store offset=${this.#below(300)} (local.get $p${index}) ${this.#plainValue('i32')})`;
    const step = (): string => this.#const(8 * (this.#below(500) - 250));
    const sum = (to: number, from: number): string => `(local.set $p${to} (${a}.add (local.get $p${from}) ${step()}))`;
    return [
      () => store(one),
      () => sum(other, one),
      () => this.#pick([() => store(other), () => sum(third, one), () => sum(one, one)])(),
      () => this.#pick([() => '', () => store(third)])(),
      () =>
        this.#pick([
          () => '',
          () => `(local.set $p${one} ${this.#address()})`,
          () => '(drop (call $host (i32.const 1)))',
        ])(),
      () =>
        this.#pick([() => store(one), () => `(i64.store (local.tee $p${one} (local.get $p${other})) (i64.const 1))`])(),
      () => store(other),
    ]
      .map((part) => part())
      .join(' ');
  }

  #lane(): string {
    const [bits, lanes] = this.#pick([
      [8, 16],
      [16, 8],
      [32, 4],
      [64, 2],
    ] as const);
    const name = `v128.store${bits}_lane`;
    return `(${name} offset=${this.#pick(OFFSETS)} ${this.#below(lanes)} ${this.#anyAddress()} ${this.#plainValue('v128')})`;
  }

  #atomic(): string {
    const offset = 8 * this.#below(1100);
    return this.#pick([
      () => `(i32.atomic.store offset=${offset} ${this.#anyAddress()} (call $next))`,
      () => `(drop (i32.atomic.rmw.add offset=${offset} ${this.#anyAddress()} (call $next)))`,
      () => `(drop (i64.atomic.rmw.xchg offset=${offset} ${this.#anyAddress()} ${this.#plainValue('i64')}))`,
      () => `(drop (i32.atomic.rmw.cmpxchg offset=${offset} ${this.#anyAddress()} (i32.const 0) (call $next)))`,
      () =>
        `(drop (i64.atomic.rmw16.cmpxchg_u offset=${offset} ${this.#anyAddress()} (i64.const 0) ${this.#plainValue('i64')}))`,
    ])();
  }

  #range(): string {
    const size = this.#pick([0, 1, 100, 4095, 4096, 4097, 8192, 9000, 16384, 20000]);
    const other = `(i32.const ${16384 + this.#below(65536)})`;
    const a = this.#is64 ? 'i64' : 'i32';
    return this.#pick([
      () => `(memory.fill ${this.#anyAddress()} (call $next) ${this.#const(size)})`,
      () => `(memory.fill $other ${other} (call $next) (i32.const ${size}))`,
      () => `(memory.copy ${this.#anyAddress()} ${this.#address()} ${this.#const(size)})`,
      () => `(memory.copy $m $other ${this.#anyAddress()} ${other} (i32.const ${size}))`,
      () => `(memory.copy $other $m ${other} (${a}.const ${this.#below(65536)}) (i32.const ${size}))`,
      () => `(memory.init $d ${this.#anyAddress()} (i32.const 3) (i32.const ${Math.min(size, 9000)}))`,
    ])();
  }

  #assign(): string {
    const local = this.#below(LOCALS);
    const a = this.#is64 ? 'i64' : 'i32';
    const masked = (value: string): string => `(${a}.add (${a}.const 16384) (${a}.and ${value} (${a}.const 65528)))`;
    return this.#pick([
      () => `(local.set $p${local} ${this.#address()})`,
      () => `(local.set $p${local} ${masked(`(${a}.add ${this.#local()} (${a}.const 8))`)})`,
      () => `(drop (local.tee $p${local} ${masked(`(${a}.sub ${this.#local()} (${a}.const 4096))`)}))`,
    ])();
  }
}
