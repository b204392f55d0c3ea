// Every system call of a commit, a collection, a push, a tag and a removal is the last one once: by a kill before, after or in
// the middle of it, and by power failures. Whoever opens the store next finds the old state or the new one, and verify
// --deep finds nothing wrong. And every one of them fails once while the process lives on. CI=1 tries all of it; without, each
// call comes to half of its ends.

import { expect, test } from 'vitest';
import { folderPorts } from '../../runtime/host/store/open-store.ts';
import type { SystemCalls } from '../../runtime/host/store/system-calls.ts';
import { Store } from '../../runtime/snapshot/store/store.ts';
import { CrashDisk, type Failure } from './crash-disk.ts';
import { TestMachine } from './machines.ts';

const SOURCE = '/source';
const TARGET = '/target';

async function openOn(disk: SystemCalls, directory: string): Promise<Store> {
  return await Store.open(await folderPorts(directory, disk, { patienceMs: 200 }));
}

interface Scenario {
  readonly name: string;
  act(source: Store, target: Store, story: Story): Promise<unknown>;
  /** What a store may hold afterwards: ids of snapshots, without and with what was done. */
  readonly places: readonly string[];
}

/** A disk with a chain of snapshots, and the images these must give for ever. */
class Story {
  readonly machine = new TestMachine(6);
  readonly images: Map<string, Buffer> = new Map();
  ids: string[] = [];

  async tell(disk: CrashDisk): Promise<void> {
    const store = await openOn(disk, SOURCE);
    for (let round = 0; round < 4; round++) {
      // Half of what one snapshot has is gone in the next: packs that are worth being written anew.
      this.machine.fill((round % 2) * 8, 8);
      this.machine.fill(40 + round, 1);
      this.machine.tick = round;
      const parent = (this.ids.at(-1) ?? null) as never;
      const { id } = await store.commit(this.machine.increment(parent, { createdAtMs: 1000 + round }));
      this.machine.tracker.confirm();
      this.ids.push(id);
      this.images.set(id, this.machine.image());
    }
    await openOn(disk, TARGET);
    this.machine.fill(5, 2);
    this.machine.tick = 100;
  }
}

const scenarios: Scenario[] = [
  {
    name: 'commit',
    places: [SOURCE],
    act: (source, _, { machine, ids }) => source.commit(machine.increment(ids.at(-1) as never, { createdAtMs: 2000 })),
  },
  { name: 'collection', places: [SOURCE], act: (source) => source.collect({ keepCount: 2 }) },
  { name: 'push', places: [TARGET], act: (source, target, { ids }) => source.copyTo(target, ids.at(-1) as never) },
  { name: 'tag', places: [SOURCE], act: (source, _, { ids }) => source.tag('kept', ids[0] as never) },
  { name: 'removal', places: [SOURCE], act: (source, _, { ids }) => source.remove([ids[0] as never]) },
  { name: 'first opening', places: ['/new'], act: () => Promise.resolve() },
];

async function act(scenario: Scenario, disk: CrashDisk, story: Story): Promise<void> {
  if (scenario.name === 'first opening') await openOn(disk, '/new');
  else await scenario.act(await openOn(disk, SOURCE), await openOn(disk, TARGET), story);
}

async function snapshotsOf(disk: CrashDisk, directory: string): Promise<{ ids: string[]; tags: string[] }> {
  const store = await openOn(disk, directory);
  return { ids: (await store.log()).map(({ id }) => id as string), tags: [...(await store.tags()).keys()] };
}

async function expectSound(disk: CrashDisk, directory: string, story: Story, where: string): Promise<void> {
  const store = await openOn(disk, directory);
  const { problems } = await store.verify({ deep: true });
  expect(problems, where).toEqual([]);
  for (const { id } of await store.log()) {
    const image = Buffer.concat(await Array.fromAsync(store.exportImage(id)));
    // What is not of the story was committed after it.
    expect(image.equals(story.images.get(id) ?? story.machine.image()), where).toBe(true);
  }
}

const deaths: Failure[] = [
  { kind: 'kill', when: 'before' },
  { kind: 'kill', when: 'half' },
  { kind: 'kill', when: 'after' },
  { kind: 'power', when: 'after', seed: 1 },
  { kind: 'power', when: 'half', seed: 2 },
  { kind: 'power', when: 'after', seed: 3 },
];
const errors: Failure[] = [{ kind: 'error', code: 'EIO' }, { kind: 'error', code: 'ENOSPC' }, { kind: 'short' }];
/** One of them: the others come at the next calls. All of them at every call where there is time. */
const share: number = process.env['CI'] === undefined ? 4 : 1;

function someOf(failures: readonly Failure[], at: number): Failure[] {
  return failures.filter((_, k) => (k + at) % share === 0);
}

for (const scenario of scenarios) {
  test(`${scenario.name}: a process that ends at any system call leaves the old state or the new one`, async () => {
    const story = new Story();
    const disk = new CrashDisk();
    await story.tell(disk);
    const before = await snapshotsOf(disk.restart(), scenario.places[0]!);
    const trial = disk.restart();
    await act(scenario, trial, story);
    const callCount = trial.calls.length;
    const after = await snapshotsOf(trial.restart(), scenario.places[0]!);
    let tried = 0;
    for (let at = 0; at < callCount; at++) {
      for (const death of someOf(deaths, at)) {
        const victim = disk.restart();
        victim.failAt(at, death);
        if (await victim.run(() => act(scenario, victim, story))) continue;
        tried++;
        const left = victim.restart();
        const where = `${JSON.stringify(death)} at call ${at}, ${victim.calls.at(-1)}`;
        const found = await snapshotsOf(left, scenario.places[0]!);
        for (const id of found.ids) expect([...before.ids, ...after.ids], where).toContain(id);
        for (const id of before.ids.filter((kept) => after.ids.includes(kept))) expect(found.ids, where).toContain(id);
        if (scenario.name !== 'collection') expect([before, after], where).toContainEqual(found);
        await expectSound(left, scenario.places[0]!, story, where);
        await expectSound(left, SOURCE, story, where);
        // Nothing of the dead is in the way of the living, and nothing of it stays.
        const next = await openOn(left, scenario.places[0]!);
        await next.collect();
        expect(left.list(`${scenario.places[0]}/tmp`), where).toEqual([]);
        expect(left.list(`${scenario.places[0]}/leases`), where).toEqual([]);
      }
    }
    expect(tried).toBeGreaterThanOrEqual((callCount * 5) / share);
  });

  test(`${scenario.name}: a system call that fails is reported, and the same works when tried again`, async () => {
    const story = new Story();
    const disk = new CrashDisk();
    await story.tell(disk);
    const trial = disk.restart();
    await act(scenario, trial, story);
    const callCount = trial.calls.length;
    const after = await snapshotsOf(trial.restart(), scenario.places[0]!);
    let failed = 0;
    for (let at = 0; at < callCount; at++) {
      for (const failure of someOf(errors, at)) {
        const victim = disk.restart();
        victim.failAt(at, failure);
        const where = `${JSON.stringify(failure)} at call ${at}`;
        const error = await act(scenario, victim, story).then(
          () => undefined,
          (reason: { code: string; message: string }) => reason,
        );
        const what = `${where}, ${victim.calls[at]}`;
        if (failure.kind === 'short') expect(error, what).toBeUndefined();
        if (error !== undefined) {
          failed++;
          expect(error.code, `${what}: ${error.message}`).toMatch(/^WVM_(FILE|STORE_CORRUPT)$/);
        }
        await expectSound(victim, scenario.places[0]!, story, what);
        await act(scenario, victim, story).catch((again: { code: string }) => {
          // It was done, and only the last step of it had failed.
          expect(again.code, what).toBe('WVM_NO_SUCH_SNAPSHOT');
        });
        await expectSound(victim, scenario.places[0]!, story, what);
        const found = await snapshotsOf(victim, scenario.places[0]!);
        // Tried again after its last step had failed, a commit is there twice.
        const extra = found.ids.filter((id) => !after.ids.includes(id)).length;
        expect(extra, what).toBeLessThanOrEqual(scenario.name === 'commit' ? 2 : 0);
        expect(found.ids.length, what).toBeGreaterThanOrEqual(after.ids.length);
        expect(found.tags, what).toEqual(after.tags);
      }
    }
    expect(failed).toBeGreaterThan(callCount / share);
  });
}

test('a canary: without fsync of the pack, a power failure damages the store', async () => {
  const story = new Story();
  const disk = new CrashDisk();
  await story.tell(disk);
  let damaged = 0;
  for (let seed = 0; seed < 12; seed++) {
    const victim = disk.restart();
    const forgetful: SystemCalls = {
      mkdir: (path) => victim.mkdir(path),
      open: (path) => victim.open(path),
      readFile: (path) => victim.readFile(path),
      rename: (from, to) => victim.rename(from, to),
      link: (from, to) => victim.link(from, to),
      unlink: (path) => victim.unlink(path),
      readdir: (path) => victim.readdir(path),
      modifiedMs: (path) => victim.modifiedMs(path),
      touch: (path) => victim.touch(path),
      syncDirectory: (path) => victim.syncDirectory(path),
      async create(path) {
        const file = await victim.create(path);
        file.sync = async () => {};
        return file;
      },
    };
    victim.failAt(60, { kind: 'power', when: 'after', seed });
    await victim.run(async () => {
      const store = await openOn(forgetful, SOURCE);
      for (;;) await store.commit(story.machine.increment(story.ids.at(-1) as never));
    });
    const problems = await openOn(victim.restart(), SOURCE)
      .then((store) => store.verify({ deep: true }))
      .then((result) => result.problems.length);
    if (problems > 0) damaged++;
  }
  expect(damaged).toBeGreaterThan(0);
});
