// A mixed load for QuickJS: closures, classes, regular expressions, JSON, maps, generators, promises, big integers.
const scale = Number(scriptArgs[0] || 10);

class Tree {
  constructor(key) {
    this.key = key;
    this.left = this.right = null;
  }
  insert(key) {
    const side = key < this.key ? 'left' : 'right';
    if (this[side]) this[side].insert(key);
    else this[side] = new Tree(key);
  }
  *[Symbol.iterator]() {
    if (this.left) yield* this.left;
    yield this.key;
    if (this.right) yield* this.right;
  }
}

function trees(count) {
  let seed = 42;
  const root = new Tree(0.5);
  for (let i = 0; i < count; i++) {
    seed = (seed * 16807) % 2147483647;
    root.insert(seed / 2147483647);
  }
  let last = -1;
  let ordered = 0;
  for (const key of root) {
    if (key >= last) ordered++;
    last = key;
  }
  return ordered;
}

function fibonacci(n) {
  return n < 2 ? n : fibonacci(n - 1) + fibonacci(n - 2);
}

function text(count) {
  const words = [];
  for (let i = 0; i < count; i++) words.push(`word${(i * 7919) % 211}`);
  const counts = new Map();
  for (const [, number] of words.join(' ').matchAll(/\bword(\d+)\b/g))
    counts.set(number, (counts.get(number) || 0) + 1);
  const copy = JSON.parse(JSON.stringify([...counts].map(([word, count]) => ({ word, count }))));
  return copy.sort((a, b) => b.count - a.count || a.word - b.word)[0].word;
}

function powers(count) {
  let value = 1n;
  for (let i = 1n; i <= count; i++) value *= i;
  return String(value).length;
}

function numbers(count) {
  const array = new Float64Array(count);
  for (let i = 0; i < count; i++) array[i] = Math.sin(i) * Math.sqrt(i);
  return array
    .sort()
    .reduce((sum, value, i) => sum + value / (i + 1), 0)
    .toFixed(6);
}

async function rounds() {
  for (let round = 1; round <= scale; round++) {
    const failed = await new Promise((_, reject) => reject(new Error(`round ${round}`))).catch(
      (error) => error.message,
    );
    print(failed, trees(2000 + round), fibonacci(20), text(4000 + round), powers(250n), numbers(10000 + round));
  }
  print('done');
}
rounds();
