// Attacks on the sandbox, as a guest would make them: with names it chooses, links it plants, renames
// between two calls, and handles it kept. `outside` lies beside the granted directory and must never be reached.

import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { LinuxErrno } from '../../../abi/errno.ts';
import { HostOpen } from '../../kernel/ports.ts';
import { NodeFiles } from './files.ts';
import { PathPinner, ProcPinner } from './pin.ts';

const {
  EBADF,
  EACCES,
  EEXIST,
  EINVAL,
  EILSEQ,
  EISDIR,
  ELOOP,
  ENAMETOOLONG,
  ENOENT,
  ENOTDIR,
  ENXIO,
  EROFS,
  ESTALE,
  EXDEV,
} = LinuxErrno;
const secret = 'secret';

/** Walks as the kernel does: one component at a time, links as text, '..' by the handles passed on the way. */
function walk(files: NodeFiles, root: number, guestPath: string, flags: number): number {
  const opened: number[] = [];
  const finish = (result: number): number => {
    for (const handle of opened) if (handle !== result && handle !== root) files.close(handle);
    return result;
  };
  let trail: number[] = [root];
  const todo = guestPath.split('/').filter((part) => part !== '' && part !== '.');
  for (let links = 0; todo.length > 0; ) {
    const name = todo.shift()!;
    if (name === '..') {
      if (trail.length > 1) trail.pop();
      continue;
    }
    const here = trail.at(-1)!;
    const handle = files.openAt(here, name, todo.length === 0 ? flags : HostOpen.directory);
    if (handle === -ELOOP) {
      if (++links > 40) return finish(-ELOOP);
      const target = files.readLinkAt(here, name);
      if (typeof target === 'number') return finish(target);
      if (target.startsWith('/')) trail = [root];
      todo.unshift(...target.split('/').filter((part) => part !== '' && part !== '.'));
      continue;
    }
    if (handle < 0) return finish(handle);
    opened.push(handle);
    trail.push(handle);
  }
  return finish(trail.at(-1)!);
}

function contents(files: NodeFiles, handle: number): string {
  const target = new Uint8Array(100);
  const count = files.read(handle, target, 0n);
  return count < 0 ? `errno ${-count}` : Buffer.from(target.subarray(0, count)).toString();
}

const kinds = [
  { kind: 'ProcPinner', make: () => new ProcPinner(), available: ProcPinner.works() },
  { kind: 'PathPinner', make: () => new PathPinner(), available: true },
];

describe.each(kinds.filter((kind) => kind.available))('NodeFiles with $kind', ({ kind, make }) => {
  const pinned = kind === 'ProcPinner';
  let base: string;
  let inside: string;
  let outside: string;
  let files: NodeFiles;
  let root: number;

  beforeEach(() => {
    base = fs.mkdtempSync(path.join(fs.realpathSync(os.tmpdir()), 'wvm-sandbox-'));
    inside = path.join(base, 'inside');
    outside = path.join(base, 'outside');
    fs.mkdirSync(path.join(inside, 'sub'), { recursive: true });
    fs.mkdirSync(outside);
    fs.writeFileSync(path.join(inside, 'file'), 'own');
    fs.writeFileSync(path.join(inside, 'sub', 'file'), 'sub');
    fs.writeFileSync(path.join(outside, 'file'), secret);
    files = new NodeFiles(make());
    root = files.grant(inside, false);
  });
  afterEach(() => {
    files.closeAll();
    fs.rmSync(base, { recursive: true, force: true });
  });

  const everyOperation = (name: string): [string, () => unknown][] => [
    ['openAt', () => files.openAt(root, name, HostOpen.read)],
    ['openAt create', () => files.openAt(root, name, HostOpen.write | HostOpen.create)],
    ['openAt exclusive', () => files.openAt(root, name, HostOpen.write | HostOpen.create | HostOpen.exclusive)],
    ['openAt directory', () => files.openAt(root, name, HostOpen.directory)],
    ['statAt', () => files.statAt(root, name)],
    ['setTimesAt', () => files.setTimesAt(root, name, 0n, 0n)],
    ['makeDirectoryAt', () => files.makeDirectoryAt(root, name)],
    ['readLinkAt', () => files.readLinkAt(root, name)],
    ['symlinkAt', () => files.symlinkAt('target', root, name)],
    ['linkAt from', () => files.linkAt(root, name, root, 'new')],
    ['linkAt to', () => files.linkAt(root, 'file', root, name)],
    ['renameAt from', () => files.renameAt(root, name, root, 'new')],
    ['renameAt to', () => files.renameAt(root, 'file', root, name)],
    ['unlinkAt', () => files.unlinkAt(root, name)],
    ['removeDirectoryAt', () => files.removeDirectoryAt(root, name)],
  ];

  const badNames = [
    '',
    '.',
    '..',
    '/',
    '../outside',
    'sub/file',
    '/etc/passwd',
    'file/',
    './file',
    'a\0b',
    '\0',
    '..\0',
  ];
  it.each(badNames)('refuses %j as a name in every operation', (name) => {
    const before = fs.readdirSync(base, { recursive: true }).length;
    for (const [operation, run] of everyOperation(name)) expect([operation, run()]).toEqual([operation, -EINVAL]);
    expect(fs.readdirSync(base, { recursive: true }).length).toBe(before);
  });

  it('refuses a name with a lone surrogate, which has no UTF-8', () => {
    for (const [operation, run] of everyOperation('a\ud800')) expect([operation, run()]).toEqual([operation, -EILSEQ]);
  });

  it('answers ENAMETOOLONG for names over 255 bytes, also for a megabyte', () => {
    const create = HostOpen.write | HostOpen.create;
    expect(files.openAt(root, 'n'.repeat(255), create)).toBeGreaterThanOrEqual(0);
    expect(files.openAt(root, 'n'.repeat(256), create)).toBe(-ENAMETOOLONG);
    expect(files.openAt(root, 'ä'.repeat(128), create)).toBe(-ENAMETOOLONG);
    expect(files.openAt(root, 'n'.repeat(1 << 20), create)).toBe(-ENAMETOOLONG);
    expect(files.makeDirectoryAt(root, 'n'.repeat(1 << 20))).toBe(-ENAMETOOLONG);
  });

  const targets = ['/etc/passwd', '/', '..', '../outside', '../outside/file', '.', 'file', 'sub', 'missing', 'link'];
  it.each(targets)('never follows a link to %j', (target) => {
    expect(files.symlinkAt(target, root, 'link')).toBe(0);
    for (const flags of [
      0,
      HostOpen.read,
      HostOpen.write,
      HostOpen.write | HostOpen.truncate,
      HostOpen.write | HostOpen.create,
      HostOpen.write | HostOpen.append,
      HostOpen.directory,
    ]) {
      expect([flags, files.openAt(root, 'link', flags)]).toEqual([flags, -ELOOP]);
    }
    expect(files.openAt(root, 'link', HostOpen.write | HostOpen.create | HostOpen.exclusive)).toBe(-EEXIST);
    expect(files.statAt(root, 'link')).toMatchObject({ type: 7 });
    expect(files.readLinkAt(root, 'link')).toBe(target);
    expect(files.makeDirectoryAt(root, 'link')).toBe(-EEXIST);
    expect(files.removeDirectoryAt(root, 'link')).toBe(-ENOTDIR);
    expect(fs.readFileSync(path.join(outside, 'file'), 'utf8')).toBe(secret);
    expect(fs.readFileSync(path.join(inside, 'file'), 'utf8')).toBe('own');
  });

  it('sets the times of a link, not of what it points to', () => {
    const target = path.join(outside, 'file');
    const before = fs.lstatSync(target).mtimeMs;
    files.symlinkAt(target, root, 'link');
    expect(files.setTimesAt(root, 'link', 1_000_000_000n, 2_000_000_000n)).toBe(0);
    expect(files.statAt(root, 'link')).toMatchObject({ mtimeNs: 2_000_000_000n });
    expect(fs.lstatSync(target).mtimeMs).toBe(before);
  });

  it('links the link, not what it points to', () => {
    files.symlinkAt(path.join(outside, 'file'), root, 'link');
    expect(files.linkAt(root, 'link', root, 'hard')).toBe(0);
    expect(files.readLinkAt(root, 'hard')).toBe(path.join(outside, 'file'));
    expect(fs.statSync(path.join(outside, 'file')).nlink).toBe(1);
  });

  it('removes and renames the link, not what it points to', () => {
    files.symlinkAt('../outside/file', root, 'link');
    expect(files.renameAt(root, 'link', root, 'moved')).toBe(0);
    expect(files.renameAt(root, 'file', root, 'moved')).toBe(0);
    expect(fs.readFileSync(path.join(outside, 'file'), 'utf8')).toBe(secret);
    files.symlinkAt('../outside', root, 'link');
    expect(files.unlinkAt(root, 'link')).toBe(0);
    expect(fs.existsSync(path.join(outside, 'file'))).toBe(true);
  });

  it('a walk over links to /, to .., and chains of them stays inside', () => {
    files.symlinkAt('/', root, 'rootlink');
    files.symlinkAt('..', root, 'up');
    files.symlinkAt('up/up/../..', root, 'chain');
    files.symlinkAt('../../../../outside', root, 'escape');
    files.symlinkAt('loop', root, 'loop');
    for (const way of ['rootlink', 'up', 'chain', 'sub/../..', 'chain/rootlink/up', '../../..']) {
      const handle = walk(files, root, `${way}/file`, HostOpen.read);
      expect([way, contents(files, handle)]).toEqual([way, 'own']);
    }
    expect(walk(files, root, 'escape/file', HostOpen.read)).toBe(-ENOENT);
    expect(walk(files, root, `${outside}/file`, HostOpen.read)).toBe(-ENOENT);
    expect(walk(files, root, 'rootlink/etc/passwd', HostOpen.read)).toBe(-ENOENT);
    expect(walk(files, root, 'loop', HostOpen.read)).toBe(-ELOOP);
  });

  it('a directory swapped for a link between two calls: the held handle is still the directory', () => {
    const sub = files.openAt(root, 'sub', HostOpen.directory);
    expect(files.renameAt(root, 'sub', root, 'away')).toBe(0);
    expect(files.symlinkAt('../outside', root, 'sub')).toBe(0);
    const handle = files.openAt(sub, 'file', HostOpen.read);
    // Without /proc the handle cannot be found any more, and must not be taken for the link.
    if (!pinned) return expect(handle).toBe(-ESTALE);
    expect(contents(files, handle)).toBe('sub');
    expect(files.openAt(sub, 'made', HostOpen.write | HostOpen.create)).toBeGreaterThanOrEqual(0);
    expect(fs.readdirSync(path.join(inside, 'away'))).toContain('made');
    expect(fs.readdirSync(outside)).toEqual(['file']);
    expect(files.openAt(root, 'sub', HostOpen.directory)).toBe(-ELOOP);
  });

  it('a parent swapped for a link: the held handle of the child is still the child', () => {
    fs.mkdirSync(path.join(inside, 'sub', 'deep'));
    fs.mkdirSync(path.join(outside, 'deep'));
    const sub = files.openAt(root, 'sub', HostOpen.directory);
    const deep = files.openAt(sub, 'deep', HostOpen.directory);
    files.renameAt(root, 'sub', root, 'away');
    files.symlinkAt('../outside', root, 'sub');
    expect(files.makeDirectoryAt(deep, 'made')).toBe(pinned ? 0 : -ESTALE);
    expect(fs.readdirSync(path.join(outside, 'deep'))).toEqual([]);
  });

  it('the granted directory itself swapped for a link to / is still the granted one', () => {
    fs.renameSync(inside, path.join(base, 'moved'));
    fs.symlinkSync('/', inside);
    expect(files.statAt(root, 'etc')).toBe(pinned ? -ENOENT : -ESTALE);
    if (pinned) expect(contents(files, files.openAt(root, 'file', HostOpen.read))).toBe('own');
  });

  it('a file swapped for a link after it was opened is still the file', () => {
    const handle = files.openAt(root, 'file', HostOpen.read | HostOpen.write);
    files.unlinkAt(root, 'file');
    files.symlinkAt('../outside/file', root, 'file');
    expect(files.write(handle, Buffer.from('x'), 0n)).toBe(1);
    expect(files.write(handle, Buffer.from('y'), -1n)).toBe(1);
    expect(contents(files, handle)).toBe('xwny');
    expect(fs.readFileSync(path.join(outside, 'file'), 'utf8')).toBe(secret);
  });

  it('links swapped in by another process thousands of times are never followed', () => {
    // The other process swaps at every moment of ours: before the call, and between its steps (through the pinner).
    const spot = path.join(inside, 'spot');
    let turn = 0;
    const swap = (): void => {
      fs.rmSync(spot, { recursive: true, force: true });
      if (turn++ % 3 === 0) fs.writeFileSync(spot, 'own');
      else if (turn % 3 === 0) fs.mkdirSync(spot);
      else fs.symlinkSync('../outside/file', spot);
    };
    const pinner = make();
    const swapping: typeof pinner = {
      weakness: pinner.weakness,
      pin: (name, follow) => {
        if (!follow) swap();
        return pinner.pin(name, follow);
      },
      pinDirectory: (name) => {
        swap();
        return pinner.pinDirectory(name);
      },
      open: (pin, flags) => {
        swap();
        return pinner.open(pin, flags);
      },
      self: (directory) => pinner.self(directory),
      release: (pin) => pinner.release(pin),
    };
    const attacked = new NodeFiles(swapping);
    const attackedRoot = attacked.grant(inside, false);
    let opened = 0;
    for (let i = 0; i < 600; i++) {
      swap();
      const flags = [
        HostOpen.read,
        HostOpen.write | HostOpen.truncate,
        HostOpen.write | HostOpen.create,
        HostOpen.directory,
      ];
      const handle = attacked.openAt(attackedRoot, 'spot', flags[i % flags.length]!);
      if (handle < 0) continue;
      opened++;
      expect(contents(attacked, handle)).not.toBe(secret);
      attacked.write(handle, Buffer.from('overwritten'), 0n);
      attacked.close(handle);
    }
    expect(opened).toBeGreaterThan(30);
    expect(fs.readFileSync(path.join(outside, 'file'), 'utf8')).toBe(secret);
    attacked.closeAll();
  });

  it('a read-only grant refuses every change, also through handles below it', () => {
    const readOnly = files.grant(inside, true);
    const sub = files.openAt(readOnly, 'sub', HostOpen.directory);
    const file = files.openAt(sub, 'file', HostOpen.read);
    const changes: [string, () => unknown][] = [
      ['write', () => files.openAt(sub, 'file', HostOpen.write)],
      ['truncate', () => files.openAt(sub, 'file', HostOpen.read | HostOpen.truncate)],
      ['append', () => files.openAt(sub, 'file', HostOpen.write | HostOpen.append)],
      ['create', () => files.openAt(sub, 'new', HostOpen.read | HostOpen.create)],
      ['setTimes', () => files.setTimes(file, 0n, 0n)],
      ['setTimes of the directory', () => files.setTimes(sub, 0n, 0n)],
      ['setTimesAt', () => files.setTimesAt(sub, 'file', 0n, 0n)],
      ['makeDirectoryAt', () => files.makeDirectoryAt(sub, 'new')],
      ['symlinkAt', () => files.symlinkAt('x', sub, 'new')],
      ['linkAt into', () => files.linkAt(root, 'file', sub, 'new')],
      ['renameAt out of', () => files.renameAt(sub, 'file', root, 'new')],
      ['renameAt into', () => files.renameAt(root, 'file', sub, 'new')],
      ['unlinkAt', () => files.unlinkAt(sub, 'file')],
      ['removeDirectoryAt', () => files.removeDirectoryAt(readOnly, 'sub')],
    ];
    for (const [change, run] of changes) expect([change, run()]).toEqual([change, -EROFS]);
    expect(files.write(file, Buffer.from('x'), 0n)).toBe(-EBADF);
    expect(files.write(file, Buffer.from('x'), -1n)).toBe(-EBADF);
    expect(files.setSize(file, 0n)).toBe(-EINVAL);
    expect(files.openAt(sub, 'file', HostOpen.read | HostOpen.create)).toBeGreaterThanOrEqual(0);
    expect(fs.readdirSync(inside).sort()).toEqual(['file', 'sub']);
    expect(fs.readFileSync(path.join(inside, 'sub', 'file'), 'utf8')).toBe('sub');
  });

  it('a hard link cannot carry a file of a read-only grant to a writable one', () => {
    const readOnly = files.grant(outside, true);
    expect(files.linkAt(readOnly, 'file', root, 'mine')).toBe(-EXDEV);
    expect(fs.readdirSync(inside)).not.toContain('mine');
  });

  it('FIFOs, sockets and devices are refused without blocking', async () => {
    const { execFileSync } = await import('node:child_process');
    execFileSync('mkfifo', [path.join(inside, 'fifo')]);
    for (const flags of [
      HostOpen.read,
      HostOpen.write,
      HostOpen.read | HostOpen.write,
      HostOpen.write | HostOpen.truncate,
    ]) {
      expect(files.openAt(root, 'fifo', flags)).toBe(-ENXIO);
    }
    const devices = files.grant('/dev', false);
    for (const name of ['tty', 'ptmx', 'mem']) {
      if (fs.existsSync(`/dev/${name}`))
        expect([name, files.openAt(devices, name, HostOpen.read)]).toEqual([name, -ENXIO]);
    }
    expect(files.read(files.openAt(devices, 'null', HostOpen.read), new Uint8Array(4), 0n)).toBe(0);
    expect(files.read(files.openAt(devices, 'zero', HostOpen.read), new Uint8Array(4), 0n)).toBe(4);
    expect(files.write(files.openAt(devices, 'full', HostOpen.write), new Uint8Array(4), 0n)).toBe(-LinuxErrno.ENOSPC);
  });

  it('closed and invented handles are EBADF in every operation, and a number is given again only after close', () => {
    const handle = files.openAt(root, 'file', HostOpen.read);
    expect(files.close(handle)).toBe(0);
    for (const bad of [handle, 999, -1, 1.5, Number.NaN]) {
      expect(files.close(bad)).toBe(-EBADF);
      expect(files.read(bad, new Uint8Array(1), 0n)).toBe(-EBADF);
      expect(files.write(bad, new Uint8Array(1), 0n)).toBe(-EBADF);
      expect(files.stat(bad)).toBe(-EBADF);
      expect(files.list(bad)).toBe(-EBADF);
      expect(files.openAt(bad, 'file', HostOpen.read)).toBe(-EBADF);
      expect(files.renameAt(root, 'file', bad, 'file')).toBe(-EBADF);
    }
    const again = files.openAt(root, 'file', HostOpen.read);
    expect(again).toBe(handle);
    expect(files.openAt(root, 'file', HostOpen.read)).not.toBe(again);
  });

  it('a file is no directory, and a directory is not written', () => {
    const file = files.openAt(root, 'file', HostOpen.read);
    expect(files.openAt(file, 'file', HostOpen.read)).toBe(-ENOTDIR);
    expect(files.list(file)).toBe(-ENOTDIR);
    expect(files.openAt(root, 'file', HostOpen.directory)).toBe(-ENOTDIR);
    const sub = files.openAt(root, 'sub', HostOpen.read);
    expect(files.read(sub, new Uint8Array(1), 0n)).toBe(-EISDIR);
    for (const flags of [HostOpen.write, HostOpen.write | HostOpen.directory, HostOpen.read | HostOpen.truncate]) {
      expect(files.openAt(root, 'sub', flags)).toBe(-EISDIR);
    }
  });

  it.runIf(pinned)('links into /proc lead nowhere', () => {
    for (const target of ['/proc/self/root', '/proc/self/cwd', '/proc/self/fd/0', '/proc/self/root/etc/passwd']) {
      files.symlinkAt(target, root, 'magic');
      expect(files.openAt(root, 'magic', HostOpen.read)).toBe(-ELOOP);
      expect(walk(files, root, 'magic', HostOpen.read)).toBe(-ENOENT);
      files.unlinkAt(root, 'magic');
    }
  });

  it.runIf(pinned)('in a granted /proc neither magic links nor the memory of wvm can be opened', () => {
    const proc = files.grant('/proc', false);
    const self = walk(files, proc, 'self', HostOpen.directory);
    const fd = files.openAt(self, 'fd', HostOpen.directory);
    const held = fs.openSync(path.join(outside, 'file'), 'r+');
    expect(files.openAt(self, 'root', HostOpen.directory)).toBe(-ELOOP);
    expect(files.openAt(self, 'cwd', HostOpen.directory)).toBe(-ELOOP);
    expect(files.openAt(fd, String(held), HostOpen.read)).toBe(-ELOOP);
    expect(files.linkAt(fd, String(held), root, 'stolen')).toBeLessThan(0);
    for (const name of ['mem', 'environ', 'maps', 'oom_score_adj']) {
      expect([name, files.openAt(self, name, HostOpen.read)]).toEqual([name, -EACCES]);
      expect([name, files.openAt(self, name, HostOpen.write)]).toEqual([name, -EACCES]);
    }
    fs.closeSync(held);
    expect(fs.readdirSync(inside)).not.toContain('stolen');
  });

  it.runIf(pinned)(
    'a handle keeps its own directory when the host reuses the descriptor numbers of closed ones',
    () => {
      const sub = files.openAt(root, 'sub', HostOpen.directory);
      files.close(sub);
      const other = files.grant(outside, true);
      expect(files.openAt(sub === other ? 999 : sub, 'file', HostOpen.read)).toBe(-EBADF);
      expect(contents(files, files.openAt(root, 'file', HostOpen.read))).toBe('own');
    },
  );
});
