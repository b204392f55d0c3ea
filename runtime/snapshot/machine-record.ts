// MACHINE, the first record: what one must know to decide whether to read on.
//
//   producer text · name text · fuel used u64 · used features: count u32, text each · available features: the same
//
// Both lists ascend and `used` is a part of `available`. A text is a u32 length in bytes and UTF-8.

import type { FeatureSets } from './machine-state.ts';
import type { RecordReader } from './record-reader.ts';
import type { RecordWriter } from './record-writer.ts';

export interface MachineRecord {
  readonly producer: string;
  readonly name: string;
  readonly fuelUsed: bigint;
  readonly features: FeatureSets;
}

export function encodeMachineRecord(out: RecordWriter, machine: MachineRecord): void {
  out.text(machine.producer);
  out.text(machine.name);
  out.u64(machine.fuelUsed);
  for (const list of [machine.features.used, machine.features.available]) {
    out.u32(list.length);
    for (const feature of list) out.text(feature);
  }
}

export function decodeMachineRecord(from: RecordReader): MachineRecord {
  const producer = from.text('the producer');
  const name = from.text('the name of the machine');
  const fuelUsed = from.u64();
  const used = decodeFeatures(from);
  const available = decodeFeatures(from);
  from.end();
  return { producer, name, fuelUsed, features: { used, available } };
}

function decodeFeatures(from: RecordReader): string[] {
  const count = from.count('features', 4);
  const features: string[] = [];
  for (let i = 0; i < count; i++) features.push(from.text('a feature'));
  return features;
}
