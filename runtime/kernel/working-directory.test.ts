// Absolute and relative guest paths, the working directory, and both over a resume and a fork.

import { describe, expect, it } from 'vitest';
import { Errno } from '../../abi/errno.ts';
import { OFLAGS_CREAT } from '../../abi/wasi-preview1.ts';
import { WvmError } from '../base/wvm-error.ts';
import type { KernelState } from './kernel.ts';
import type { Process } from './process.ts';
import { FilesFixture } from './testing/files-fixture.ts';
import { RESULT, ROOT } from './testing/fixture.ts';
import { resolvePath } from './working-directory.ts';

function tree(): FilesFixture {
  const fixture = new FilesFixture();
  for (const path of ['a', 'a/b', 'a/b/c', 'other']) fixture.files.putDirectory(path);
  fixture.files.putFile('a/b/file', 'text');
  fixture.ok(fixture.init, 'path_symlink', ...fixture.text('a/b'), ROOT, ...fixture.text('link'));
  return fixture;
}

function chdir(fixture: FilesFixture, path: string, process: Process = fixture.init): unknown {
  return fixture.errno(process, 'chdir', ...fixture.text(path));
}

function getcwd(fixture: FilesFixture, process: Process = fixture.init): string {
  fixture.memory.view.setUint32(RESULT, 256, true);
  const buffer = fixture.put(new Uint8Array(256).fill(1));
  fixture.ok(process, 'getcwd', buffer, RESULT);
  const size = fixture.u32();
  expect(fixture.memory.bytes[buffer + size - 1]).toBe(0);
  return fixture.string(buffer, size - 1);
}

describe('chdir(), getcwd()', () => {
  it('keep an absolute path without links and dots', () => {
    const fixture = tree();
    expect(getcwd(fixture)).toBe('/');
    const steps: [string, string][] = [
      ['a', '/a'],
      ['./b//', '/a/b'],
      ['..', '/a'],
      ['../link/c', '/a/b/c'],
      ['/other', '/other'],
      ['/../..', '/'],
      ['.', '/'],
    ];
    for (const [path, expected] of steps) {
      expect([path, chdir(fixture, path)]).toEqual([path, 0]);
      expect([path, getcwd(fixture)]).toEqual([path, expected]);
    }
    expect(chdir(fixture, 'none')).toBe(Errno.ENOENT);
    expect(chdir(fixture, '')).toBe(Errno.ENOENT);
    expect(chdir(fixture, '/a/b/file')).toBe(Errno.ENOTDIR);
    expect(getcwd(fixture)).toBe('/');
  });

  it('a buffer that is too small is told what is needed', () => {
    const fixture = tree();
    chdir(fixture, '/a/b');
    const buffer = fixture.put(new Uint8Array(8).fill(1));
    fixture.memory.view.setUint32(RESULT, 4, true);
    expect(fixture.errno(fixture.init, 'getcwd', buffer, RESULT)).toBe(Errno.ERANGE);
    expect(fixture.u32()).toBe(5);
    expect(fixture.memory.bytes[buffer]).toBe(1);
    fixture.memory.view.setUint32(RESULT, 0, true);
    expect(fixture.errno(fixture.init, 'getcwd', 0, RESULT)).toBe(Errno.ERANGE);
    expect(fixture.errno(fixture.init, 'getcwd', 0, -1)).toBe(Errno.EFAULT);
  });

  it('are of the process: a child begins where its parent is', () => {
    const fixture = tree();
    chdir(fixture, 'a');
    const child = fixture.fork();
    chdir(fixture, 'b', child);
    fixture.resume();
    expect([getcwd(fixture), getcwd(fixture, fixture.process(child.pid))]).toEqual(['/a', '/a/b']);
  });

  it('O12 a working directory that is gone is kept as a name', () => {
    const fixture = tree();
    chdir(fixture, '/a/b/c');
    fixture.ok(fixture.init, 'path_remove_directory', ROOT, ...fixture.text('a/b/c'));
    fixture.resume();
    expect(getcwd(fixture)).toBe('/a/b/c');
    expect(chdir(fixture, '.')).toBe(Errno.ENOENT);
    expect(chdir(fixture, '..')).toBe(Errno.ENOENT);
  });
});

describe('absolute paths', () => {
  const openAs = (fixture: FilesFixture, path: string): unknown => {
    const [addr, size] = fixture.text(path);
    const rest = [OFLAGS_CREAT, 2n, 0n, 0, RESULT] as const;
    return fixture.errno(fixture.init, 'path_open', ROOT, 1, addr, size, ...rest);
  };

  it('WASIX programs give them with the descriptor of "/"; preview1 programs may not', () => {
    const fixture = tree();
    expect(openAs(fixture, '/a/b/file')).toBe(0);
    expect(fixture.read(fixture.u32(), 9)).toBe('text');
    expect(fixture.open('/a/b/file')).toBe(-Errno.EPERM);
    fixture.ok(fixture.init, 'path_rename', ROOT, ...fixture.text('/a/b/file'), ROOT, ...fixture.text('/other/x'));
    fixture.ok(fixture.init, 'path_filestat_get', ROOT, 0, ...fixture.text('/link/../../other/./x'), RESULT);
  });

  it('lead to the preopened directory with the longest name, by its rights', () => {
    const fixture = tree();
    const { fds } = fixture.init;
    const where = (path: string): [number, string] => {
      const { entry, path: below } = resolvePath(fixture.init, path);
      return [fds.entries.indexOf(entry), below];
    };
    fixture.ok(fixture.init, 'path_open', ROOT, 0, ...fixture.text('a'), 2, 0xffff_ffbfn, 0xffff_ffffn, 0, RESULT);
    const inner = fixture.u32();
    const { file, rights, inheriting } = fds.get(inner);
    fds.put(
      inner,
      new (fds.get(inner).constructor as new (...args: unknown[]) => never)(file, rights, inheriting, '/a'),
    );
    expect(where('/a/b/')).toEqual([inner, 'b/']);
    expect(where('/a')).toEqual([inner, '.']);
    expect(where('/ab')).toEqual([ROOT, 'ab']);
    expect(where('/a/b/../../other')).toEqual([ROOT, 'other']);
    fds.get(inner).rights = 0;
    expect(openAs(fixture, '/a/b/file')).toBe(Errno.ENOTCAPABLE);
    fixture.close(fixture.init, ROOT);
    expect(() => resolvePath(fixture.init, '/other')).toThrow();
    expect(where('/a/b')).toEqual([inner, 'b']);
  });
});

describe('an image', () => {
  it('with a working directory that is no plain path is refused', () => {
    const fixture = tree();
    const state = fixture.kernel.save();
    for (const workingDirectory of ['', 'a', '/a/', '/a/../b', '/./a', '//a', '/a\0', 7 as unknown as string]) {
      const processes = [{ ...state.processes[0]!, workingDirectory }];
      expect(() => fixture.restore({ ...state, processes } as KernelState), workingDirectory).toThrow(WvmError);
    }
  });
});
