// Random numbers that a test can repeat: it prints the seed, WVM_TEST_SEED gives it again.

export const testSeed: number = Number(process.env['WVM_TEST_SEED'] ?? Math.floor(Math.random() * 2 ** 31));

/** Numbers in [0, 1), from mulberry32. */
export function randomFrom(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
