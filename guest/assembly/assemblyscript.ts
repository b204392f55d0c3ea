// A managed-language guest: classes, closures over module state, strings, typed arrays, maps and a garbage collector
// whose roots are on its shadow stack in linear memory.
import { say } from './wasi';

class Shape {
  constructor(public name: string) {}
  area(): f64 {
    return 0;
  }
}
class Circle extends Shape {
  constructor(public radius: f64) {
    super('circle');
  }
  override area(): f64 {
    return Math.PI * this.radius * this.radius;
  }
}
class Box extends Shape {
  constructor(
    public width: f64,
    public height: f64,
  ) {
    super('box');
  }
  override area(): f64 {
    return this.width * this.height;
  }
}

function shapes(): void {
  const list: Shape[] = [new Circle(1.5), new Box(2, 3), new Circle(0.5), new Box(1, 1)];
  list.sort((a, b) => (a.area() < b.area() ? -1 : 1));
  let line = '';
  for (let i = 0; i < list.length; i++) line += list[i].name + ' ';
  say(line);
  assert(list[0].name == 'circle' && list[3].area() > 7);
}

function words(): void {
  const counts = new Map<string, i32>();
  const text = 'the cat and the dog and the bird'.split(' ');
  for (let i = 0; i < text.length; i++) {
    const word = text[i];
    counts.set(word, (counts.has(word) ? counts.get(word) : 0) + 1);
  }
  const keys = counts.keys();
  for (let i = 0; i < keys.length; i++) say(keys[i] + ' ' + counts.get(keys[i]).toString());
  assert(counts.get('the') == 3);
}

function garbage(): void {
  const kept: StaticArray<u8>[] = [];
  let sum: u32 = 0;
  for (let i = 0; i < 40; i++) {
    const block = new StaticArray<u8>(100 + i);
    block[i] = <u8>i;
    if (i % 5 == 0) kept.push(block);
  }
  __collect();
  for (let i = 0; i < kept.length; i++) sum += kept[i][i * 5];
  say('kept ' + sum.toString());
  assert(sum == 140);
}

function numbers(): void {
  const series = new Float64Array(20);
  for (let i = 0; i < series.length; i++) series[i] = 1 / <f64>(i + 1);
  say('harmonic ' + series.reduce<f64>((a, b) => a + b, 0).toString());
  let collatz: u64 = 27;
  let steps = 0;
  for (; collatz != 1; steps++) collatz = collatz & 1 ? collatz * 3 + 1 : collatz >> 1;
  assert(steps == 111);
}

export function _start(): void {
  shapes();
  words();
  garbage();
  numbers();
  say('PASS');
}

// For hosts that call in through @assemblyscript/loader instead of running the command.
export const INT32_ARRAY: u32 = idof<Int32Array>();

export function greet(name: string): string {
  return 'Hello, ' + name + '!';
}

export function sum(values: Int32Array): i32 {
  return values.reduce<i32>((a, b) => a + b, 0);
}
