import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { addDirectory, addOverlay, addTmpfs, addVariable, addVariablesOfFile } from './grants.ts';

describe('addDirectory()', () => {
  test.each([
    ['.', '.', '.', false],
    ['/srv/data', '/srv/data', '/srv/data', false],
    ['/srv/data:ro', '/srv/data', '/srv/data', true],
    ['/srv/data::/data', '/srv/data', '/data', false],
    ['/srv/data::/data:ro', '/srv/data', '/data', true],
    ['a:b::/c', 'a:b', '/c', false],
    ['.::.:ro', '.', '.', true],
  ])('reads %s', (text, hostPath, guestPath, readOnly) => {
    expect(addDirectory(text)).toEqual([{ hostPath, guestPath, readOnly }]);
  });

  test.each(['', '::', '::/data', 'a::', ':ro', '::/data:ro', 'a::b::c', 'a::\0'])('refuses %j', (text) => {
    expect(() => addDirectory(text)).toThrow(/Write HOST/);
  });

  test('keeps the order, and refuses the same guest path twice', () => {
    const grants = addDirectory('b::/b', addDirectory('a::/a'));
    expect(grants.map((grant) => grant.guestPath)).toEqual(['/a', '/b']);
    expect(() => addDirectory('c::/a', grants)).toThrow(/already/);
  });
});

test('addOverlay() reads a directory that is not read-only', () => {
  const first = addOverlay('a::/a');
  expect(addOverlay('b', first)).toEqual([
    { hostPath: 'a', guestPath: '/a', readOnly: false, kind: 'overlay' },
    { hostPath: 'b', guestPath: 'b', readOnly: false, kind: 'overlay' },
  ]);
  expect(() => addOverlay('a::/a:ro')).toThrow(/never writes/);
  expect(() => addOverlay('c::/a', first)).toThrow(/already/);
});

describe('addTmpfs()', () => {
  test.each([
    ['/tmp', { guestPath: '/tmp' }],
    ['/tmp:64M', { guestPath: '/tmp', maxBytes: 64 * 2 ** 20 }],
    ['a:b/c', { guestPath: 'a:b/c' }],
    ['a:b/c:1K', { guestPath: 'a:b/c', maxBytes: 1024 }],
  ])('reads %s', (text, expected) => {
    expect(addTmpfs(text)).toEqual([expected]);
  });

  test.each(['', ':64M', '/tmp:', '/tmp:much', '/tmp:0', '/a\0'])('refuses %j', (text) => {
    expect(() => addTmpfs(text)).toThrow(/Write/);
  });

  test('refuses the same guest path twice', () => {
    expect(() => addTmpfs('/tmp:1M', addTmpfs('/tmp'))).toThrow(/already/);
  });
});

describe('addVariable()', () => {
  afterEach(() => {
    delete process.env['WVM_TEST_VARIABLE'];
  });

  test('takes values as they are, the last of a name counts', () => {
    expect(addVariable('A=', addVariable('B==x y', addVariable('A=1')))).toEqual({ A: '', B: '=x y' });
  });

  test('takes the value of the host for a name alone, and says if there is none', () => {
    process.env['WVM_TEST_VARIABLE'] = 'here';
    expect(addVariable('WVM_TEST_VARIABLE')).toEqual({ WVM_TEST_VARIABLE: 'here' });
    delete process.env['WVM_TEST_VARIABLE'];
    expect(() => addVariable('WVM_TEST_VARIABLE')).toThrow(/not set here/);
  });

  test.each(['', '=x', 'A=\0'])('refuses %j', (text) => {
    expect(() => addVariable(text)).toThrow(/Write NAME/);
  });
});

test('addVariablesOfFile() reads comments and quotes, and names a file that is not there', () => {
  const directory = mkdtempSync(join(tmpdir(), 'wvm-env-'));
  try {
    const file = join(directory, 'vars');
    writeFileSync(file, '# comment\nA=1\n\nB="two words"\nC=\n');
    expect(addVariablesOfFile(file, { A: '0', Z: '9' })).toEqual({ A: '1', B: 'two words', C: '', Z: '9' });
    expect(() => addVariablesOfFile(join(directory, 'none'))).toThrow(/ENOENT/);
  } finally {
    rmSync(directory, { recursive: true });
  }
});
