// Children that come and go between snapshots in a store. A fork uses the instance of a child that has ended: what was told of that
// one's memory must not be taken for this one's.

import { expect, test } from 'vitest';
import { MachineSaver } from '../../runtime/host/store/machine-saver.ts';
import { openStore } from '../../runtime/host/store/open-store.ts';
import { Machine } from '../../runtime/index.ts';
import type { SnapshotId } from '../../runtime/snapshot/store/manifest.ts';
import { imageOf } from '../guest/modes.ts';
import { assemble, fork, get, pipe, put, times } from '../tree/wat.ts';
import { removeDirectory, temporaryDirectory } from './machines.ts';

const ROUNDS = 4;

test('every snapshot gives back the machine that it was taken of', { timeout: 60_000 }, async () => {
  const directory = temporaryDirectory();
  const store = await openStore(directory);
  // The child of each round fills another page of its memory; it lives in one snapshot, and not in the next one.
  const fill = '(memory.fill (i32.mul (local.get $i) (i32.const 65536)) (local.get $i) (i32.const 40000))';
  const module = await assemble({
    calls: ['pipe2', 'proc_fork', 'waitpid', 'snapshot'],
    pageCount: ROUNDS + 2,
    main: `${pipe(16)} ${pipe(24)}
      ${times(
        ROUNDS,
        `${fork(`${fill} ${put(28)} (drop ${get(16)})`)}
        (drop ${get(24)})
        (drop (call $snapshot))
        ${put(20)}
        (call $check (call $waitpid (i32.const -1) (i32.const 48) (i32.const 0) (i32.const 52)))
        (drop (call $snapshot))`,
      )}`,
  });
  let saver: MachineSaver | undefined;
  const taken: { id: SnapshotId; image: Uint8Array }[] = [];
  const machine = await Machine.load(module, {
    stdin: 'null',
    cacheDirectory: null,
    seed: 1n,
    onSelfSnapshot: async (stopped) => {
      saver ??= new MachineSaver(store, stopped);
      const image = imageOf(stopped).slice();
      const { id } = await saver.save({ reason: 'guest' });
      return taken.push({ id, image });
    },
  });
  expect(await machine.run()).toEqual({ kind: 'exit', code: 0 });
  expect(taken.length).toBe(2 * ROUNDS);
  for (const { id, image } of taken) {
    const stored = Buffer.concat(await Array.fromAsync(store.exportImage(id)));
    expect(Buffer.compare(stored, image)).toBe(0);
  }
  expect((await store.verify({ deep: true })).problems).toEqual([]);
  await store.close();
  removeDirectory(directory);
});
