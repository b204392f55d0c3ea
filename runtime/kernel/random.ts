// Random bytes for the guest: the host's entropy, or with a seed xoshiro128** (Blackman and Vigna, 2018), whose
// four-word state is saved. Words are produced little endian; what is left of the last word of a call is thrown away.

import type { FateTable } from './fate.ts';
import type { EntropyPort } from './ports.ts';
import { badRecord, checkArray, checkInteger } from './validate.ts';

/** Null: the host's entropy. */
export type RandomState = readonly number[] | null;

const UINT32_MAX = 2 ** 32 - 1;
const UINT64_MASK = 2n ** 64n - 1n;

export class Random {
  static readonly fates: FateTable = { port: 'host', words: 'saved' };

  /** Host: not part of the image. */
  readonly port: EntropyPort;
  /** Generator state, or null for the host's entropy. */
  readonly words: Uint32Array | null;

  constructor(port: EntropyPort, words: Uint32Array | null) {
    this.port = port;
    this.words = words;
  }

  static seeded(port: EntropyPort, seed: bigint): Random {
    return new Random(port, expandSeed(seed));
  }

  fill(target: Uint8Array): void {
    const words = this.words;
    if (words === null) {
      this.port.fill(target);
      return;
    }
    for (let at = 0; at < target.length; at += 4) {
      let word = nextWord(words);
      const end = Math.min(at + 4, target.length);
      for (let i = at; i < end; i++) {
        target[i] = word & 0xff;
        word >>>= 8;
      }
    }
  }

  save(): RandomState {
    return this.words === null ? null : [...this.words];
  }

  static check(state: RandomState, where: string): void {
    if (state === null) return;
    checkArray(state, 4, where);
    if (state.length !== 4) badRecord(where, `${state.length} words, not 4`);
    for (const word of state) checkInteger(word, 0, UINT32_MAX, where);
    if (state.every((word) => word === 0)) badRecord(where, 'all zero, which this generator never leaves');
  }

  static restore(port: EntropyPort, state: RandomState): Random {
    return new Random(port, state === null ? null : Uint32Array.from(state));
  }
}

/** splitmix64 spreads the seed over the state, as the generator's authors advise; its output is never all zero here. */
function expandSeed(seed: bigint): Uint32Array {
  const words = new Uint32Array(4);
  let state = seed & UINT64_MASK;
  for (let i = 0; i < 4; i += 2) {
    state = (state + 0x9e3779b97f4a7c15n) & UINT64_MASK;
    let z = state;
    z = ((z ^ (z >> 30n)) * 0xbf58476d1ce4e5b9n) & UINT64_MASK;
    z = ((z ^ (z >> 27n)) * 0x94d049bb133111ebn) & UINT64_MASK;
    z ^= z >> 31n;
    words[i] = Number(z & 0xffff_ffffn);
    words[i + 1] = Number(z >> 32n);
  }
  return words;
}

function rotateLeft(word: number, count: number): number {
  return (word << count) | (word >>> (32 - count));
}

function nextWord(words: Uint32Array): number {
  const s1 = words[1]!;
  const result = Math.imul(rotateLeft(Math.imul(s1, 5), 7), 9) >>> 0;
  const s2 = words[2]! ^ words[0]!;
  const s3 = words[3]! ^ s1;
  words[1] = s1 ^ s2;
  words[0] = words[0]! ^ s3;
  words[2] = s2 ^ (s1 << 9);
  words[3] = rotateLeft(s3, 11);
  return result;
}
