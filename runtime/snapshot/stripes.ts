// The fast checksum of records and pages. It must find every flipped bit at the speed of memory: 64 MiB take
// 4.4 ms in the SIMD form (engine/stripes.wat), 17 ms with zlib's crc32 and 43 ms with SHA-256. It is no defence
// against an adversary (nothing without a key is); the SHA-256 in the trailer tells two images apart.
//
//   round(a, w) = rotl32(a + w * P2, 13) * P1                 one-to-one in a and in w (all arithmetic modulo 2^32)
//   1. 32 lanes a[i] = (i + 1) * P3.
//   2. The bytes, padded with zeros to a multiple of 128, are stripes of 32 little-endian words:
//      a[i] = round(a[i], w[i]) for each stripe.
//   3. low  = P4, then round() over a[0] … a[31], then over the low and the high word of the unpadded length.
//      high = P5, then round() over a[31] … a[0], then over the same two words.
//   4. Each of the two: x ^= x >> 15, x *= P2, x ^= x >> 13, x *= P3, x ^= x >> 16. The checksum is high * 2^32 + low.
// A change that touches one lane only (any single bit, any aligned word) always changes both halves, since every step is
// one-to-one; anything else goes unseen with probability 2^-32 (several changes in one lane) to 2^-64.
// P1-P5 are the primes of xxHash32, chosen there for their bit patterns.

import type { StripeKernel } from './image-ports.ts';

const P1 = 0x9e3779b1 | 0;
const P2 = 0x85ebca77 | 0;
const P3 = 0xc2b2ae3d | 0;
const P4 = 0x27d4eb2f | 0;
const P5 = 0x165667b1 | 0;
const LANES = 32;
const STRIPE_BYTES = 128;

function round(a: number, w: number): number {
  const sum = (a + Math.imul(w, P2)) | 0;
  return Math.imul((sum << 13) | (sum >>> 19), P1);
}

function avalanche(x: number): bigint {
  x = Math.imul(x ^ (x >>> 15), P2);
  x = Math.imul(x ^ (x >>> 13), P3);
  return BigInt((x ^ (x >>> 16)) >>> 0);
}

/** The portable kernel: the definition above, word by word. */
export function portableStripes(): StripeKernel {
  const scratch = new Uint8Array(8192);
  const words = new DataView(scratch.buffer);
  const lanes = new Int32Array(LANES);
  return {
    scratch,
    start(): void {
      for (let i = 0; i < LANES; i++) lanes[i] = Math.imul(i + 1, P3);
    },
    absorb(sizeBytes: number): void {
      for (let stripe = 0; stripe < sizeBytes; stripe += STRIPE_BYTES) {
        for (let i = 0; i < LANES; i++) lanes[i] = round(lanes[i]!, words.getInt32(stripe + i * 4, true));
      }
    },
    finish(sizeBytes: number): bigint {
      const lengthLow = sizeBytes | 0;
      const lengthHigh = (sizeBytes / 0x1_0000_0000) | 0;
      let low = P4;
      let high = P5;
      for (let i = 0; i < LANES; i++) {
        low = round(low, lanes[i]!);
        high = round(high, lanes[LANES - 1 - i]!);
      }
      low = round(round(low, lengthLow), lengthHigh);
      high = round(round(high, lengthLow), lengthHigh);
      return (avalanche(high) << 32n) | avalanche(low);
    },
  };
}

/** The checksum of `parts`, one after the other, as one sequence of bytes. */
export function checksum(kernel: StripeKernel, parts: readonly Uint8Array[]): bigint {
  const { scratch } = kernel;
  kernel.start();
  let filled = 0;
  let total = 0;
  for (const part of parts) {
    total += part.length;
    for (let from = 0; from < part.length; ) {
      const size = Math.min(part.length - from, scratch.length - filled);
      scratch.set(size === part.length ? part : part.subarray(from, from + size), filled);
      from += size;
      filled += size;
      if (filled === scratch.length) {
        kernel.absorb(filled);
        filled = 0;
      }
    }
  }
  if (filled > 0) {
    const padded = Math.ceil(filled / STRIPE_BYTES) * STRIPE_BYTES;
    scratch.fill(0, filled, padded);
    kernel.absorb(padded);
  }
  return kernel.finish(total);
}
