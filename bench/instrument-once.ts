// node bench/instrument-once.ts MODULE: instruments it once and prints the seconds that took, from bytes to bytes.

import { readFileSync } from 'node:fs';
import { instrument } from '../runtime/instrument/instrument.ts';
import { parseModule } from '../runtime/wasm/parse.ts';

const original = readFileSync(process.argv[2]!);
const startMs = performance.now();
const { bytes } = instrument(parseModule(new Uint8Array(original)));
const elapsedMs = performance.now() - startMs;
if (bytes.length < original.length / 2) throw new Error(`only ${bytes.length} bytes came out`);
process.stdout.write(String(elapsedMs / 1000));
