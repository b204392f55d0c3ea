import { spawnSync } from 'node:child_process';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { HostStat } from '../../kernel/ports.ts';
import { HostOpen } from '../../kernel/ports.ts';
import { NodeFiles } from '../files/files.ts';
import { WriteTail } from './write-tail.ts';

describe('WriteTail', () => {
  let base: string;
  let file: string;
  beforeEach(() => {
    base = fs.mkdtempSync(path.join(os.tmpdir(), 'wvm-tail-'));
    file = path.join(base, 'file');
  });
  afterEach(() => fs.rmSync(base, { recursive: true, force: true }));

  const onDisk = (): string => fs.readFileSync(file, 'latin1');

  it('holds bytes that follow in the sector just written, and writes them before the event loop turns', async () => {
    const fd = fs.openSync(file, 'w');
    const tail = new WriteTail();
    for (const [index, letter] of [...'abc'].entries()) expect(tail.write(fd, Buffer.from(letter), index)).toBe(1);
    expect(onDisk()).toBe('a');
    await null;
    expect(onDisk()).toBe('abc');
    fs.closeSync(fd);
  });

  it('holds nothing across a sector, and nothing that does not follow', () => {
    const fd = fs.openSync(file, 'w');
    const tail = new WriteTail();
    tail.write(fd, Buffer.alloc(510, 'x'), 0);
    tail.write(fd, Buffer.from('yz'), 510);
    expect(fs.fstatSync(fd).size).toBe(510);
    tail.write(fd, Buffer.from('1'), 512);
    expect(fs.fstatSync(fd).size).toBe(513);
    tail.write(fd, Buffer.from('2'), 600);
    expect(fs.fstatSync(fd).size).toBe(601);
    tail.write(fd, Buffer.alloc(424), 601);
    expect(fs.fstatSync(fd).size).toBe(1025);
    fs.closeSync(fd);
  });

  it('keeps the errno of held bytes that could not be written, for that file, once', () => {
    const fd = fs.openSync(file, 'w');
    const tail = new WriteTail();
    tail.write(fd, Buffer.from('a'), 0);
    tail.write(fd, Buffer.from('b'), 1);
    fs.closeSync(fd);
    tail.flush();
    expect([tail.takeFailure(fd + 1), tail.takeFailure(fd), tail.takeFailure(fd)]).toEqual([0, -9, 0]);
  });

  it('writes what is held when the process exits or throws in the middle', () => {
    const module = JSON.stringify(new URL('./write-tail.ts', import.meta.url).href);
    for (const end of ['process.exit(0)', 'throw new Error("end")']) {
      const code = `import { WriteTail } from ${module}; import * as fs from 'node:fs';
        const tail = new WriteTail(), fd = fs.openSync(${JSON.stringify(file)}, 'w');
        for (let i = 0; i < 9; i++) tail.write(fd, Buffer.from(String(i)), i);
        ${end};`;
      spawnSync(process.execPath, ['--input-type=module', '-e', code]);
      expect(onDisk()).toBe('012345678');
    }
  });

  it('cannot be told from plain writes by anything NodeFiles answers', () => {
    const operation = fc.oneof(
      {
        weight: 6,
        arbitrary: fc.record({ do: fc.constant('next' as const), length: fc.integer({ min: 1, max: 40 }) }),
      },
      fc.record({ do: fc.constant('write' as const), length: fc.integer({ min: 1, max: 900 }), at: fc.nat(1500) }),
      fc.record({ do: fc.constant('append' as const), length: fc.integer({ min: 1, max: 40 }) }),
      fc.record({ do: fc.constant('size' as const), at: fc.nat(1500) }),
      fc.record({ do: fc.constant('read' as const), at: fc.nat(1500) }),
      fc.record({ do: fc.constant('reopen' as const) }),
      fc.record({ do: fc.constant('stat' as const) }),
    );
    const operations = fc.array(fc.tuple(operation, fc.integer({ min: 0, max: 1 })), { minLength: 5, maxLength: 60 });
    fc.assert(
      fc.property(operations, (list) => {
        fs.rmSync(file, { force: true });
        const files = new NodeFiles();
        const root = files.grant(base, false);
        const open = (): number => files.openAt(root, 'file', HostOpen.read | HostOpen.write | HostOpen.create);
        const handles = [open(), open()];
        let model = Buffer.alloc(0);
        let [position, filler] = [0, 0];
        for (const [step, which] of list) {
          const handle = handles[which]!;
          if (step.do === 'next' || step.do === 'write' || step.do === 'append') {
            const bytes = Buffer.alloc(step.length, ++filler & 0xff);
            const offset = step.do === 'append' ? model.length : step.do === 'write' ? step.at : position;
            expect(files.write(handle, bytes, step.do === 'append' ? -1n : BigInt(offset))).toBe(bytes.length);
            position = offset + bytes.length;
            if (position > model.length) model = Buffer.concat([model, Buffer.alloc(position - model.length)]);
            bytes.copy(model, offset);
          } else if (step.do === 'size') {
            expect(files.setSize(handle, BigInt(step.at))).toBe(0);
            model = Buffer.concat([model, Buffer.alloc(step.at)]).subarray(0, step.at);
          } else if (step.do === 'read') {
            const target = Buffer.alloc(model.length + 1);
            const count = files.read(handle, target, BigInt(step.at));
            expect(target.subarray(0, count).equals(model.subarray(step.at))).toBe(true);
          } else if (step.do === 'reopen') {
            expect(files.close(handle)).toBe(0);
            handles[which] = open();
          } else {
            expect((files.statAt(root, 'file') as HostStat).size).toBe(BigInt(model.length));
          }
        }
        files.closeAll();
        expect(fs.readFileSync(file).equals(model)).toBe(true);
      }),
      { numRuns: 150 },
    );
  });
});
