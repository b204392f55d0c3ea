import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import {
  checkMachineName,
  claimName,
  defaultMachineName,
  findMachine,
  isListening,
  listMachines,
  newMachineId,
  openRegistryDirectory,
  removeEntry,
  socketPathOf,
  writeEntry,
} from './registry.ts';

let root: string;
let directory: string;
const servers: Server[] = [];

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'wvm-registry-'));
  vi.stubEnv('XDG_RUNTIME_DIR', root);
  directory = openRegistryDirectory();
});

afterEach(async () => {
  vi.unstubAllEnvs();
  for (const server of servers.splice(0)) await close(server);
  rmSync(root, { recursive: true, force: true });
});

function close(server: Server): Promise<void> {
  return new Promise((resolve) => server.close(() => resolve()));
}

/** Registers a machine with a socket that listens. */
async function start(
  name: string,
  id: string = newMachineId(),
  pid = process.pid,
): Promise<{ id: string; server: Server }> {
  const server = createServer((socket) => socket.destroy());
  await new Promise<void>((resolve) => server.listen(socketPathOf(directory, id), resolve));
  servers.push(server);
  expect(await claimName(directory, name, id)).toBeUndefined();
  writeEntry(directory, { id, name, pid, program: `${name}.wasm`, startedAtMs: Date.now() });
  return { id, server };
}

/** Leaves behind what a machine does that was killed. */
function leaveDead(name: string, id: string = newMachineId()): string {
  mkdirSync(join(directory, 'names', name), { recursive: true });
  writeFileSync(join(directory, 'names', name, id), '');
  writeFileSync(join(directory, `${id}.sock`), ''); // connect(): ECONNREFUSED, as for a socket without a listener
  writeEntry(directory, { id, name, pid: 1, program: 'x', startedAtMs: 1 });
  return id;
}

const files = (): string[] => readdirSync(directory, { recursive: true }).map(String).sort();

describe('openRegistryDirectory()', () => {
  test('makes a private directory, and makes it private again', () => {
    expect(directory).toBe(join(root, 'wvm'));
    expect(statSync(directory).mode & 0o777).toBe(0o700);
    rmSync(directory, { recursive: true });
    mkdirSync(directory, { mode: 0o755 });
    openRegistryDirectory();
    expect(statSync(directory).mode & 0o777).toBe(0o700);
  });

  test('falls back to the temporary directory', () => {
    vi.stubEnv('TMPDIR', root);
    vi.stubEnv('XDG_RUNTIME_DIR', join(root, 'missing'));
    expect(openRegistryDirectory()).toMatch(/\/wvm-[0-9]+$/);
    vi.stubEnv('XDG_RUNTIME_DIR', 'relative');
    expect(openRegistryDirectory()).toMatch(/\/wvm-[0-9]+$/);
  });

  test('refuses a link that somebody may have planted, and a path too long for a socket', () => {
    rmSync(directory, { recursive: true });
    symlinkSync(root, directory);
    expect(() => openRegistryDirectory()).toThrow(/is not a directory of user/);
    const deep = join(root, 'x'.repeat(90));
    mkdirSync(deep);
    vi.stubEnv('XDG_RUNTIME_DIR', deep);
    expect(() => openRegistryDirectory()).toThrow(/too long/);
  });
});

describe('names', () => {
  test('newMachineId() cannot be a pid', () => {
    for (let index = 0; index < 200; index++) expect(newMachineId()).toMatch(/^[a-f][0-9a-f]{7}$/);
  });

  test.each(['a', 'A1', '_x', 'web-1.2', 'x'.repeat(64)])('checkMachineName() takes %s', (name) => {
    checkMachineName(name);
  });

  test.each(['', '.', '..', '.a', '-a', 'a/b', 'a b', '123', 'x'.repeat(65), 'ä', 'a\n'])(
    'checkMachineName() refuses %j',
    (name) => {
      expect(() => checkMachineName(name)).toThrow(/cannot be the name/);
    },
  );

  test.each([
    ['/srv/app.wasm', 'app'],
    ['app.wat', 'app'],
    ['a b/ü.wasm', 'm-guest'],
    ['..', 'm-guest'],
    ['123.wasm', 'm-123'],
    ['-', 'm-guest'],
    [`${'x'.repeat(300)}.wasm`, 'x'.repeat(50)],
    ['my prog.v2.wasm', 'my-prog.v2'],
  ])('defaultMachineName(%j) is %s', (program, name) => {
    expect(defaultMachineName(program)).toBe(name);
    checkMachineName(defaultMachineName(program));
  });
});

describe('claimName()', () => {
  test('names the living holder, and leaves nothing of the loser', async () => {
    const { id } = await start('app');
    const before = files();
    expect(await claimName(directory, 'app', 'f0000001')).toBe(id);
    expect(files()).toEqual(before);
  });

  test('takes over from the dead', async () => {
    leaveDead('app');
    const { id } = await start('app');
    expect(readdirSync(join(directory, 'names', 'app'))).toEqual([id]);
  });

  test('lets exactly one of many have a name that a dead machine had', async () => {
    for (let round = 0; round < 20; round++) {
      leaveDead('app');
      const ids = Array.from({ length: 8 }, newMachineId);
      const rivals = await Promise.all(
        ids.map(async (id) => {
          const server = createServer((socket) => socket.destroy());
          await new Promise<void>((resolve) => server.listen(socketPathOf(directory, id), resolve));
          servers.push(server);
          return { id, holder: await claimName(directory, 'app', id) };
        }),
      );
      const winners = rivals.filter(({ holder }) => holder === undefined);
      expect(winners).toHaveLength(1);
      for (const { holder } of rivals) expect(holder ?? winners[0]!.id).toBe(winners[0]!.id);
      for (const { id } of rivals) removeEntry(directory, id, 'app');
      for (const server of servers.splice(0)) await close(server);
    }
  });
});

describe('listMachines()', () => {
  test('lists the living, removes all that the dead left', async () => {
    const { id } = await start('alive');
    leaveDead('dead');
    expect((await listMachines(directory)).map((entry) => entry.id)).toEqual([id]);
    expect(files()).toEqual([`${id}.json`, `${id}.sock`, 'names', 'names/alive', `names/alive/${id}`].sort());
    removeEntry(directory, id, 'alive');
    expect(files()).toEqual(['names']);
  });

  test('removes sockets and claims without an entry, but not those of a machine that just starts', async () => {
    const names = join(directory, 'names', 'ghost');
    mkdirSync(names, { recursive: true });
    for (const path of [join(directory, 'f0000001.sock'), join(directory, 'f0000001.tmp'), join(names, 'f0000001')]) {
      writeFileSync(path, '');
    }
    await listMachines(directory);
    expect(files()).toHaveLength(5);
    for (const file of files()) utimesSync(join(directory, file), 1, 1);
    await listMachines(directory);
    expect(files()).toEqual(['names']);
  });

  test('ignores what is no entry', async () => {
    for (const [file, text] of [
      ['f0000001.json', '{'],
      ['f0000002.json', 'null'],
      ['f0000003.json', '{"name":"../x","pid":1,"program":"","startedAtMs":1}'],
      ['../x.json', '{}'],
      ['README', 'x'],
    ] as const) {
      writeFileSync(join(directory, file), text);
    }
    expect(await listMachines(directory)).toEqual([]);
    expect(existsSync(join(directory, 'README'))).toBe(true);
  });
});

describe('findMachine()', () => {
  test('finds by name, id, beginning of an id and pid, in this order', async () => {
    await start('one', 'f0000001', 4711);
    await start('f0', 'f1000002', 4712);
    const found = async (query: string): Promise<string> => (await findMachine(directory, query)).id;
    expect(await found('one')).toBe('f0000001');
    expect(await found('f0')).toBe('f1000002');
    expect(await found('f00')).toBe('f0000001');
    expect(await found('F1')).toBe('f1000002');
    expect(await found('4712')).toBe('f1000002');
  });

  test('refuses what is ambiguous or unknown, and says what there is', async () => {
    await expect(findMachine(directory, 'x')).rejects.toMatchObject({
      code: 'WVM_NO_SUCH_MACHINE',
      hint: 'none is running',
    });
    await start('one', 'f0000001', 4711);
    await start('two', 'f0000002', 4711);
    await expect(findMachine(directory, 'f00')).rejects.toThrow(
      /several machines: f0000001 \(one, pid 4711\), f0000002/,
    );
    await expect(findMachine(directory, '4711')).rejects.toMatchObject({ code: 'WVM_USAGE' });
    await expect(findMachine(directory, 'f')).rejects.toMatchObject({ code: 'WVM_NO_SUCH_MACHINE' });
    await expect(findMachine(directory, '')).rejects.toMatchObject({ code: 'WVM_NO_SUCH_MACHINE' });
  });
});

test('isListening() is false for a missing socket, a dead one and a plain file', async () => {
  const { id, server } = await start('app');
  expect(await isListening(socketPathOf(directory, id))).toBe(true);
  await close(server);
  expect(await isListening(socketPathOf(directory, id))).toBe(false);
  writeFileSync(join(directory, 'plain'), '');
  expect(await isListening(join(directory, 'plain'))).toBe(false);
});
