// What of files is in an image, and what an image may ask for. The contents of a directory of the host stay there; what lives
// in the machine travels. An edited image opens nothing that the command line does not allow.

import fs from 'node:fs';
import { describe, expect, it } from 'vitest';
import { assembleWat } from '../../guest/toolchain.ts';
import { Machine, type MachineOptions, type ResumeOptions } from '../../runtime/index.ts';
import { imageOf, quiet, withDirectory } from '../guest/modes.ts';
import { changeImage } from './guest-image.ts';

const OLD = 'what the host had';
const NEW = 'written by the guest';
const EXIT_SAME = { kind: 'exit', code: 0 };

const imports = `
  (import "wvm" "snapshot" (func $snapshot (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
  (import "wasi_snapshot_preview1" "fd_read" (func $read (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_seek" (func $seek (param i32 i64 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "path_unlink_file" (func $unlink (param i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "path_open"
    (func $open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 64) "file") (data (i32.const 256) "${NEW}")
  (func $check (param $errno i32) (if (local.get $errno) (then (call $exit (local.get $errno)))))
  (func $vector (param $addr i32) (param $size i32)
    (i32.store (i32.const 0) (local.get $addr)) (i32.store (i32.const 4) (local.get $size)))
  (func $at_start (call $check (call $seek (i32.load (i32.const 16)) (i64.const 0) (i32.const 0) (i32.const 24))))`;

/** Opens "file" with these flags and rights; its descriptor is at 16. */
const open = (flags: number, rights: number): string =>
  `(call $check (call $open (i32.const 3) (i32.const 0) (i32.const 64) (i32.const 4) (i32.const ${flags})
    (i64.const ${rights}) (i64.const 0) (i32.const 0) (i32.const 16)))`;
const O_CREAT = 1;
const READ = 2 | 4;
const WRITE = 64;
const snapshot = '(if (i32.lt_s (call $snapshot) (i32.const 0)) (then (unreachable)))';

/** Writes NEW into the file, of which its memory then holds nothing; after the snapshot it compares the file's last byte. */
function writer(unlinks: boolean): Promise<Uint8Array> {
  const at = NEW.length - 1;
  return assembleWat(
    'writer',
    `(module ${imports} (func (export "_start")
      ${open(O_CREAT, READ | WRITE)}
      (call $vector (i32.const 256) (i32.const ${NEW.length}))
      (call $check (call $write (i32.load (i32.const 16)) (i32.const 0) (i32.const 1) (i32.const 24)))
      ${unlinks ? '(call $check (call $unlink (i32.const 3) (i32.const 64) (i32.const 4)))' : ''}
      (memory.fill (i32.const 256) (i32.const 0) (i32.const ${NEW.length}))
      ${snapshot}
      (call $at_start)
      (call $check (call $read (i32.load (i32.const 16)) (i32.const 0) (i32.const 1) (i32.const 24)))
      (call $exit (i32.ne (i32.load8_u (i32.const ${256 + at})) (i32.const ${NEW.charCodeAt(at)})))))`,
  );
}

async function take(module: Uint8Array, options: MachineOptions): Promise<Uint8Array> {
  let image: Uint8Array | undefined;
  const machine = await Machine.load(module, {
    ...quiet,
    ...options,
    onSelfSnapshot: (at) => {
      image = imageOf(at);
      at.kill();
      return Promise.resolve(1);
    },
  });
  await machine.run();
  return image!;
}

/** The guest's module is in the image, and has its data; files are behind it, in pages. */
const holds = (image: Uint8Array, text: string): boolean => Buffer.from(image).lastIndexOf(text) > image.length >> 1;

describe('V26 the contents of files', () => {
  const cases = {
    'a directory of the host: not in the image, checked when it is resumed': {
      kind: 'host',
      unlinks: false,
      travels: false,
    },
    'an overlay: what the guest wrote is in the image, what lies below is not': {
      kind: 'overlay',
      unlinks: false,
      travels: true,
    },
    'a tmpfs: in the image': { kind: 'tmpfs', unlinks: false, travels: true },
    'a file of the host without a name: in the image, for nobody else has them': {
      kind: 'host',
      unlinks: true,
      travels: true,
    },
  } as const;

  it.each(Object.entries(cases))('V26 of %s', async (_name, { kind, unlinks, travels }) => {
    await withDirectory(async (directory) => {
      fs.writeFileSync(`${directory}/file`, OLD.padEnd(60, '.'));
      fs.writeFileSync(`${directory}/other`, OLD);
      const directories = kind === 'tmpfs' ? [] : [{ hostPath: directory, guestPath: '/', readOnly: false, kind }];
      const image = await take(await writer(unlinks), {
        directories,
        ...(kind === 'tmpfs' ? { tmpfs: [{ guestPath: '/' }] } : {}),
      });
      expect(holds(image, NEW)).toBe(travels);
      expect(Buffer.from(image).includes(OLD)).toBe(false);
      const changed = kind === 'host' && !unlinks;
      if (changed) {
        fs.appendFileSync(`${directory}/file`, 'and more');
        const refused = Machine.resume(image, { ...quiet, directories });
        await expect(refused).rejects.toMatchObject({
          code: 'WVM_FILE_CHANGED',
          message: expect.stringContaining('file'),
        });
      }
      const copy = await Machine.resume(image, { ...quiet, directories, files: changed ? 'ignore' : 'check' });
      expect(await copy.run()).toEqual(EXIT_SAME);
    });
  });
});

describe('V25 an edited image gives no write access', () => {
  interface FileRecord {
    canRead: boolean;
    canWrite: boolean;
  }
  interface KernelRecord {
    openFiles: FileRecord[];
    processes: { fds: { fd: number; file: number; rights: number }[] }[];
  }
  const ALL_RIGHTS = 0x1fff_ffff;
  const EBADF = 8;

  /** Reads the file, which it opened read-only; after the snapshot tries to write there, and ends with the errno. */
  const reader = (): Promise<Uint8Array> =>
    assembleWat(
      'reader',
      `(module ${imports} (func (export "_start")
        ${open(0, READ)} (call $vector (i32.const 256) (i32.const 7))
        ${snapshot}
        (call $at_start)
        (call $exit (call $write (i32.load (i32.const 16)) (i32.const 0) (i32.const 1) (i32.const 24)))))`,
    );

  async function attack(
    readOnly: boolean,
    edit: (file: FileRecord, entry: { rights: number }) => void,
    expected: (image: Uint8Array, options: ResumeOptions) => Promise<void>,
  ): Promise<void> {
    await withDirectory(async (directory) => {
      fs.writeFileSync(`${directory}/file`, OLD);
      const directories = [{ hostPath: directory, guestPath: '/', readOnly }];
      const honest = await take(await reader(), { directories });
      expect(await (await Machine.resume(honest, { ...quiet, directories })).run()).toMatchObject({
        code: EBADF,
      });
      const edited = changeImage(honest, (machine) => {
        const copy = structuredClone(machine);
        const { openFiles, processes } = copy.kernel as KernelRecord;
        const entry = processes[0]!.fds.find(({ fd }) => fd === 4)!;
        edit(openFiles[entry.file]!, entry);
        return copy;
      });
      await expected(edited, { ...quiet, directories });
      expect(fs.readFileSync(`${directory}/file`, 'utf8')).toBe(OLD);
    });
  }

  it('V25 to a file in a directory that is lent read-only: refused', async () => {
    await attack(
      true,
      (file, entry) => {
        file.canWrite = true;
        entry.rights = ALL_RIGHTS;
      },
      async (image, options) => {
        const refused = Machine.resume(image, options);
        await expect(refused).rejects.toMatchObject({ code: 'WVM_CAPABILITY_MISSING' });
      },
    );
  });

  it.each([true, false])(
    'V25 by more rights of a descriptor whose file was opened read-only (lent so: %s)',
    async (readOnly) => {
      await attack(
        readOnly,
        (_file, entry) => {
          entry.rights = ALL_RIGHTS;
        },
        async (image, options) => {
          expect(await (await Machine.resume(image, options)).run()).toMatchObject({ kind: 'exit', code: EBADF });
        },
      );
    },
  );
});
