// A process of processes.test.ts: commits increments to the store of argv[2] for ever, and prints the id of each when it is
// durable, with the SHA-256 of its image.

import { createHash } from 'node:crypto';
import { openStore } from '../../runtime/host/store/open-store.ts';
import { TestMachine } from './machines.ts';

const store = await openStore(process.argv[2]);
const machine = new TestMachine(16);
machine.fill(0, 40);
let parent: never | null = null;
for (let round = 0; ; round++) {
  machine.tick = round;
  machine.fill(round % 40, 2);
  const identity = { machineId: process.argv[3]!, machineName: `writer-${process.argv[3]}` };
  parent = (await store.commit(machine.increment(parent, identity))).id as never;
  machine.tracker.confirm();
  process.stdout.write(`${parent} ${createHash('sha256').update(machine.image()).digest('hex')}\n`);
}
