// Records of file systems that cannot be: every one is refused by name, before anything is opened.

import { describe, expect, it } from 'vitest';
import { OFLAGS_CREAT, OFLAGS_DIRECTORY } from '../../../abi/wasi-preview1.ts';
import { WvmError } from '../../base/wvm-error.ts';
import type { KernelState } from '../kernel.ts';
import { Fixture, ROOT } from '../testing/fixture.ts';

/** A state record, to be spoilt. */
// biome-ignore lint/suspicious/noExplicitAny: any field may become anything.
type Spoilt = any;

const TMPFS = ROOT + 1;

/**
 * An overlay on "/" with a changed, a removed and a new file, an open lower one, a renamed lower directory; a tmpfs with a tree, a
 * file of two names and an open one without any.
 */
function busy(): { fixture: Fixture; state: KernelState } {
  const fixture = new Fixture({ root: 'overlay', tmpfs: [{ guestPath: '/tmp', maxBytes: 2 ** 20 }] });
  const { files } = fixture;
  for (const name of ['changed', 'removed', 'open']) files.putFile(name, `lower ${name}`);
  files.putDirectory('dir');
  files.putFile('dir/inside', 'lower inside');
  fixture.write(fixture.open('changed'), 'upper');
  fixture.call('path_unlink_file', ROOT, ...fixture.text('removed'));
  fixture.open('new', OFLAGS_CREAT);
  fixture.read(fixture.open('open'), 3);
  fixture.call('path_rename', ROOT, ...fixture.text('dir'), ROOT, ...fixture.text('moved'));
  fixture.open('moved/inside');
  fixture.call('path_create_directory', TMPFS, ...fixture.text('tree'));
  const file = fixture.open('tree/file', OFLAGS_CREAT, { dir: TMPFS });
  fixture.write(file, 'x'.repeat(5000));
  const two = ['tree/file', 'two'].map((name) => fixture.text(name));
  fixture.call('path_link', TMPFS, 0, ...two[0]!, TMPFS, ...two[1]!);
  fixture.call('path_symlink', ...fixture.text('tree'), TMPFS, ...fixture.text('link'));
  fixture.write(fixture.open('gone', OFLAGS_CREAT, { dir: TMPFS }), 'without a name');
  fixture.call('path_unlink_file', TMPFS, ...fixture.text('gone'));
  expect(fixture.open('tree', OFLAGS_DIRECTORY, { dir: TMPFS, rights: 0xffff_ffbfn })).toBeGreaterThan(TMPFS);
  return { fixture, state: fixture.kernel.save() };
}

const overlay = (state: Spoilt): Spoilt => state.fileSystems[0];
const tmpfs = (state: Spoilt): Spoilt => state.fileSystems[1];
/** Of the contents of an inode. */
const byKind = (system: Spoilt, kind: string, at = 0): Spoilt =>
  system.inodes.filter((inode: Spoilt) => inode.contents.kind === kind)[at];
const root = (system: Spoilt): Spoilt => system.inodes[0].contents;
const entry = (system: Spoilt, name: string): Spoilt =>
  system.inodes
    .flatMap((inode: Spoilt) => inode.contents.entries ?? [])
    .find((candidate: Spoilt) => candidate.name === name);
const named = (system: Spoilt, name: string): Spoilt => system.inodes[entry(system, name).inode];
const openFile = (state: Spoilt, path: string | null): Spoilt =>
  state.openFiles.find((file: Spoilt) => file.kind === 'memory' && file.path === path);

/** Paths to everything that is neither list nor record. */
function leaves(value: unknown, path: readonly string[]): string[][] {
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return [[...path]];
  return Object.entries(value).flatMap(([key, inner]) => leaves(inner, [...path, key]));
}

describe('the record of a file system', () => {
  it('is what is there, and comes back the same', () => {
    const { fixture, state } = busy();
    expect(overlay(state).inodes.map((inode: Spoilt) => inode.contents.kind)).toEqual(
      expect.arrayContaining(['directory', 'file', 'lower']),
    );
    expect(entry(overlay(state), 'removed').inode).toBe(-1);
    expect(named(overlay(state), 'moved').contents.lower).toBe('dir');
    expect(tmpfs(state).inodes.filter((inode: Spoilt) => inode.isGone)).toHaveLength(1);
    fixture.restore(structuredClone(state));
    expect(fixture.kernel.save()).toEqual(state);
  });

  it('of equal trees is equal, however they came to be', () => {
    const make = (order: readonly string[]): unknown => {
      const fixture = new Fixture({ root: 'tmpfs', seed: 1n });
      for (const name of order) fixture.call('path_create_directory', ROOT, ...fixture.text(name));
      return (
        tmpfs({ fileSystems: [null, fixture.kernel.save().fileSystems[0]] }) as Spoilt
      ).inodes[0].contents.entries.map(({ name }: Spoilt) => name);
    };
    expect(make(['b', 'a', 'c'])).toEqual(make(['c', 'b', 'a']));
  });

  const spoilt: Readonly<Record<string, (state: Spoilt) => void>> = {
    'no list': (state) => (state.fileSystems = null),
    'an unknown kind': (state) => (tmpfs(state).kind = 'ramfs'),
    'a guest path that stands twice': (state) => (tmpfs(state).guestPath = '/'),
    'a size that is no integer': (state) => (tmpfs(state).maxBytes = 1.5),
    'more pages than fit': (state) => (tmpfs(state).pageCount = 257),
    'pages that are no count': (state) => (tmpfs(state).pageCount = -1),
    'no inodes': (state) => (tmpfs(state).inodes = []),
    'an inode number that stands twice': (state) => (tmpfs(state).inodes[2].ino = tmpfs(state).inodes[1].ino),
    'inodes out of order': (state) => tmpfs(state).inodes.reverse(),
    'an inode number that was not given yet': (state) => (tmpfs(state).lastIno = 2n),
    'a last inode number of the lower layer': (state) => (tmpfs(state).lastIno = 1n << 62n),
    'a root that is a file': (state) => (tmpfs(state).inodes[0] = { ...named(tmpfs(state), 'two'), ino: 1n }),
    'a root that is merged': (state) => (root(tmpfs(state)).lower = ''),
    'a root of an overlay that is not merged': (state) => (root(overlay(state)).lower = null),
    'a root that is gone': (state) => (tmpfs(state).inodes[0].isGone = true),
    'a root with a name': (state) => (entry(tmpfs(state), 'link').inode = 0),
    'an entry of no inode': (state) => (entry(tmpfs(state), 'two').inode = 99),
    'an entry that is no integer': (state) => (entry(tmpfs(state), 'two').inode = 0.5),
    'a hidden name where nothing is below': (state) => (entry(tmpfs(state), 'link').inode = -1),
    'a name with a slash': (state) => (entry(tmpfs(state), 'link').name = 'l/k'),
    'a name of dots': (state) => (entry(tmpfs(state), 'link').name = '..'),
    'an empty name': (state) => (entry(tmpfs(state), 'link').name = ''),
    'a name with NUL': (state) => (entry(tmpfs(state), 'link').name = 'l\0'),
    'a name that is too long': (state) => (entry(tmpfs(state), 'two').name = 'u'.repeat(256)),
    'names out of order': (state) => root(tmpfs(state)).entries.reverse(),
    'a name that stands twice': (state) => root(tmpfs(state)).entries.push({ ...entry(tmpfs(state), 'two') }),
    'a directory of two names': (state) =>
      root(tmpfs(state)).entries.push({ name: 'tree2', inode: entry(tmpfs(state), 'tree').inode }),
    'a directory in itself': (state) => {
      const { inode } = entry(tmpfs(state), 'tree');
      root(tmpfs(state)).entries = root(tmpfs(state)).entries.filter(({ name }: Spoilt) => name !== 'tree');
      tmpfs(state).inodes[inode].contents.entries.push({ name: 'tree', inode });
    },
    'an inode with a name that is gone': (state) => (named(tmpfs(state), 'two').isGone = true),
    'an inode without a name that is not gone': (state) =>
      (tmpfs(state).inodes.find((inode: Spoilt) => inode.isGone).isGone = false),
    'an inode that is neither in the tree nor open': (state) =>
      tmpfs(state).inodes.push({
        ...tmpfs(state).inodes.find((inode: Spoilt) => inode.isGone),
        ino: (tmpfs(state).lastIno += 1n),
      }),
    'contents that do not fit the type': (state) => (named(tmpfs(state), 'two').type = 3),
    'contents of an unknown kind': (state) => (named(tmpfs(state), 'two').contents.kind = 'pipe'),
    'no contents': (state) => (named(tmpfs(state), 'two').contents = null),
    'times that are no times': (state) => (named(tmpfs(state), 'two').mtimeNs = 5),
    'a size below 0': (state) => (named(tmpfs(state), 'two').contents.sizeBytes = -1),
    'a size that is too large': (state) => (named(tmpfs(state), 'two').contents.sizeBytes = 2 ** 45),
    'an extent beyond the end': (state) => (named(tmpfs(state), 'two').contents.sizeBytes = 10),
    'an extent of no pages': (state) => (named(tmpfs(state), 'two').contents.extents[2] = 0),
    'an extent of pages that do not exist': (state) => (named(tmpfs(state), 'two').contents.extents[1] = 200),
    'half an extent': (state) => named(tmpfs(state), 'two').contents.extents.pop(),
    'extents that are one': (state) => (named(tmpfs(state), 'two').contents.extents = [0, 0, 1, 1, 1, 1]),
    'extents out of order': (state) => (named(tmpfs(state), 'two').contents.extents = [1, 1, 1, 0, 0, 1]),
    'a page of two files': (state) =>
      (tmpfs(state).inodes.find((inode: Spoilt) => inode.isGone).contents.extents[1] = 0),
    'an endless count of pages': (state) => (named(tmpfs(state), 'two').contents.extents[2] = 2 ** 53),
    'a link to nowhere': (state) => (byKind(tmpfs(state), 'link').contents.target = ''),
    'a lower file in a tmpfs': (state) => {
      const lower = byKind(overlay(state), 'lower');
      tmpfs(state).inodes.push(lower);
      state.openFiles.push({ ...openFile(state, null), inode: tmpfs(state).inodes.length - 1 });
      state.processes[0].fds.push({ ...state.processes[0].fds.at(-1), fd: 40, file: state.openFiles.length - 1 });
    },
    'a lower path that leads outside': (state) => (byKind(overlay(state), 'lower').contents.path = '../secret'),
    'a lower path that is absolute': (state) => (byKind(overlay(state), 'lower').contents.path = '/etc/passwd'),
    'a lower path of another inode': (state) => (byKind(overlay(state), 'lower').contents.path = 'changed'),
    'a merged directory that leads outside': (state) => (named(overlay(state), 'moved').contents.lower = 'a/../..'),
    'a merged directory in a tmpfs': (state) => (named(tmpfs(state), 'tree').contents.lower = 'dir'),
    'a lower file in the tree': (state) => {
      const index = overlay(state).inodes.findIndex((inode: Spoilt) => inode.contents.kind === 'lower');
      entry(overlay(state), 'new').inode = index;
    },
    'an open file of no file system': (state) => (openFile(state, 'open').fileSystem = 2),
    'an open file of no inode': (state) => (openFile(state, 'open').inode = 99),
    'an open file of a link': (state) =>
      (openFile(state, 'tree').inode = tmpfs(state).inodes.findIndex(
        (inode: Spoilt) => inode.contents.kind === 'link',
      )),
    'a path that leads elsewhere': (state) => (openFile(state, 'changed').path = 'new'),
    'a path that leads nowhere': (state) => (openFile(state, 'tree').path = 'forest'),
    'a path of an inode that is gone': (state) => (openFile(state, null).path = 'gone'),
    'a path through a hidden name': (state) => (openFile(state, 'open').path = 'removed'),
    'a path with dots': (state) => (openFile(state, 'changed').path = './changed'),
    'a directory open for writing': (state) => (openFile(state, 'tree').canWrite = true),
    'a listing of a file': (state) => (openFile(state, 'changed').listing = []),
    'an offset below 0': (state) => (openFile(state, 'changed').offset = -1n),
    'more pages of detached files than there may be': (state) => (state.detachedPages = 2 ** 20),
  };

  for (const [name, spoil] of Object.entries(spoilt)) {
    it(`refuses ${name}`, () => {
      const { fixture, state } = busy();
      const copy = structuredClone(state);
      spoil(copy);
      const before = fixture.files.openCount;
      let error: unknown;
      try {
        fixture.restore(copy);
      } catch (thrown) {
        error = thrown;
      }
      expect(error).toBeInstanceOf(WvmError);
      expect((error as WvmError).code).toBe('WVM_IMAGE_BAD_RECORD');
      expect(fixture.files.openCount).toBe(before);
    });
  }

  it('any other value in any place is refused, or harmless', () => {
    const { fixture, state } = busy();
    const values = [-1, 3, 2 ** 40, 1.5, '..', null, [], -1n, 5n, 2n ** 63n, true];
    const places = [
      ...leaves(state.fileSystems, ['fileSystems']),
      ...state.openFiles.flatMap((file, index) => {
        return file.kind === 'memory' ? leaves(file, ['openFiles', String(index)]) : [];
      }),
    ];
    expect(places.length).toBeGreaterThan(150);
    const counts = { refused: 0, harmless: 0 };
    for (const place of places) {
      for (const value of values) {
        const copy: Spoilt = structuredClone(state);
        const last = place.at(-1)!;
        place.slice(0, -1).reduce((at, key) => at[key], copy)[last] = value;
        try {
          fixture.restore(copy);
        } catch (error) {
          expect(error, `${place.join('.')} = ${String(value)}`).toBeInstanceOf(WvmError);
          counts.refused++;
          continue;
        }
        counts.harmless++;
        // It is a kernel like any other.
        for (const fd of fixture.kernel.init.fds.entries.keys()) {
          fixture.write(fd, 'x');
          fixture.open('made', OFLAGS_CREAT, { dir: fd });
          fixture.call('path_unlink_file', fd, ...fixture.text('new'));
          fixture.call('path_rename', fd, ...fixture.text('tree'), fd, ...fixture.text('moved'));
        }
        fixture.kernel.save();
        fixture.kernel.close();
        fixture.reset();
      }
    }
    expect(counts.refused).toBeGreaterThan(counts.harmless);
    expect(counts.harmless).toBeGreaterThan(40);
  });

  it('contents of a page that no file has are refused', () => {
    const { fixture, state } = busy();
    fixture.restore(structuredClone(state));
    const page = new Uint8Array(4096);
    for (const [index, number] of [
      [2, state.fileSystems[1]!.pageCount],
      [3, 0],
      [0, 0],
      [-1, 0],
    ] as const) {
      expect(() => fixture.kernel.fillFilePages(index, number, page)).toThrow(/is of no file/);
    }
  });
});
