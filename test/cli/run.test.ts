import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { guestTexts } from './guests.ts';
import { Bench, hasPrinted } from './wvm.ts';

let bench: Bench;

beforeEach(() => {
  bench = new Bench();
});
afterEach(() => bench.close());

/** The object that --json puts on the last line of stderr. */
function jsonOf(stderr: string): Record<string, unknown> {
  return JSON.parse(stderr.trimEnd().split('\n').at(-1)!);
}

describe('exit codes of wvm run', () => {
  test("the guest's own, modulo 256", async () => {
    expect(await bench.run(['run', bench.guest('exit300')])).toEqual({
      code: 44,
      signal: null,
      stdout: '',
      stderr: '',
    });
    const { code, stderr } = await bench.run(['run', '--json', bench.guest('exit300')]);
    expect(code).toBe(44);
    expect(jsonOf(stderr)).toMatchObject({ status: 'exited', guestExitCode: 300, exitCode: 44, name: 'exit300' });
  });

  test('134 for a trap, with a backtrace that names the functions', async () => {
    const { code, stderr } = await bench.run(['run', bench.guest('trap')]);
    expect(code).toBe(134);
    expect(stderr).toMatch(/the guest trapped: unreachable\n +0: inner .*\n +1: middle .*\n +2: outer /);
    const quiet = await bench.run(['run', '--quiet', bench.guest('trap')]);
    expect([quiet.code, quiet.stderr]).toEqual([134, '']);
    const json = jsonOf((await bench.run(['run', '--json', bench.guest('trap')])).stderr);
    expect(json).toMatchObject({ status: 'trapped', exitCode: 134 });
    const { backtrace } = json['trap'] as { backtrace: { functionName: string; moduleOffset: number }[] };
    expect(backtrace.map(({ functionName }) => functionName)).toEqual(['inner', 'middle', 'outer']);
    const bytes = readFileSync(bench.guest('trap'));
    expect(bytes[backtrace[0]!.moduleOffset], 'the opcode of unreachable').toBe(0);
  });

  test('123 when fuel is used up, 124 when time is', async () => {
    const fuel = await bench.run(['run', '--fuel', '1000000', '--json', bench.guest('endless')]);
    expect(fuel.code).toBe(123);
    expect(jsonOf(fuel.stderr)).toMatchObject({ status: 'stopped', reason: 'fuel', exitCode: 123 });
    expect(jsonOf(fuel.stderr)['fuelUsed']).toBeGreaterThanOrEqual(1_000_000);
    const time = await bench.run(['run', '--timeout', '50ms', bench.guest('endless')]);
    expect(time.code).toBe(124);
    expect(time.stderr).toBe('wvm: stopped: --timeout of 50 ms is over\n');
    const blocked = bench.start(['run', '--timeout', '50ms', bench.guest('cat')]);
    expect((await blocked.done).code).toBe(124);
  });

  test.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
    ['SIGHUP', 129],
  ] as const)('%s stops working and waiting guests cleanly: %d', async (signal, code) => {
    for (const name of ['endless', 'cat'] as const) {
      const machine = await bench.startMachine(['run', bench.guest(name)], name);
      machine.child.kill(signal);
      expect(await machine.done).toEqual({ code, signal: null, stdout: '', stderr: '' });
      expect(bench.registryFiles()).toEqual(['names']);
    }
  });

  test('a guest with no point to stop at is ended by signals, wvm kill and --timeout, and refuses snapshots', async () => {
    const guest = bench.guest('unstoppable');
    const machine = await bench.startMachine(['run', guest], 'unstoppable');
    const refused = await bench.run(['snapshot', 'unstoppable']);
    expect([refused.code, refused.stderr]).toEqual([125, expect.stringMatching(/^wvm: WVM_SNAPSHOT_UNSUPPORTED: /)]);
    expect(JSON.parse((await bench.run(['ps', '--json'])).stdout)).toMatchObject([{ state: 'running' }]);
    machine.child.kill('SIGINT');
    expect(await machine.done).toEqual({ code: 130, signal: null, stdout: '', stderr: '' });
    const atEnd = await bench.startMachine(['run', '--snapshot-on', 'exit', guest], 'unstoppable');
    expect((await bench.run(['kill', 'unstoppable'])).code).toBe(0);
    const ended = await atEnd.done;
    expect([ended.code, ended.stderr]).toEqual([
      143,
      expect.stringMatching(/^wvm: warning: WVM_SNAPSHOT_UNSUPPORTED: /),
    ]);
    const late = await bench.run(['run', '--timeout', '50ms', guest]);
    expect([late.code, late.stderr]).toEqual([124, 'wvm: stopped: --timeout of 50 ms is over\n']);
    expect(bench.registryFiles()).toEqual(['names']);
  });

  test('a guest may call 100,000 deep', async () => {
    expect(await bench.run(['run', bench.guest('deep')])).toEqual({ code: 0, signal: null, stdout: '', stderr: '' });
  });

  test('2 for wrong usage, 125 for what wvm could not do, both with code and hint', async () => {
    const usage = await bench.run(['run', '--xyzzy', '9', bench.guest('count')]);
    expect([usage.code, usage.stdout]).toEqual([2, '']);
    expect(usage.stderr).toBe("wvm: WVM_USAGE: unknown option '--xyzzy'\n  hint: see wvm run --help\n");
    const missing = await bench.run(['run', 'none.wasm']);
    expect(missing.code).toBe(125);
    expect(missing.stderr).toMatch(/^wvm: WVM_FILE: none.wasm: no such file\n {2}hint: /);
    const json = await bench.run(['run', '--json', 'none.wasm']);
    expect(jsonOf(json.stderr)).toMatchObject({ status: 'error', exitCode: 125, error: { code: 'WVM_FILE' } });
  });
});

describe('bad input of wvm run', () => {
  test.each<[string[], number, RegExp]>([
    [['run'], 2, /missing required argument 'program'/],
    [['run', '--timeout', '10', 'x.wasm'], 2, /Write a duration like 500ms/],
    [['run', '--timeout', 'x.wasm'], 2, /Write a duration/],
    [['run', '--max-memory', 'lots', 'x.wasm'], 2, /Write a size like/],
    [['run', '--fuel', '-1', 'x.wasm'], 2, /fuel/],
    [['run', '--seed', 'abc', 'x.wasm'], 2, /Write a number below/],
    [['run', '--dir', '', 'x.wasm'], 2, /Write HOST/],
    [['run', '--env', 'WVM_NOT_SET', 'x.wasm'], 2, /WVM_NOT_SET is not set here/],
    [['run', '--env-file', 'none.env', 'x.wasm'], 2, /ENOENT/],
    [['run', '--name', '123', 'x.wasm'], 2, /cannot be the name of a machine/],
    [['run', '--name', '../x', 'x.wasm'], 2, /cannot be the name of a machine/],
    [['run', '--snapshot-on', 'SIGUSR1', 'x.wasm'], 2, /SIGUSR1 belongs to Node's inspector/],
    [['run', '--snapshot-on', 'often', 'x.wasm'], 2, /'often' is not an event/],
    [['run', '--snapshot-every', '0s', 'x.wasm'], 2, /Write a duration/],
    [['run', 'empty.wasm'], 125, /WVM_MODULE_INVALID: empty.wasm: not a WebAssembly module but an empty file/],
    [['run', 'noise.wasm'], 125, /WVM_MODULE_INVALID/],
    [['run', 'cut.wasm'], 125, /WVM_MODULE_INVALID/],
    [['run', 'bad.wat'], 125, /WVM_MODULE_INVALID: .*bad.wat/],
    [['run', 'stranger.wat'], 125, /WVM_IMPORT_UNKNOWN: .*env.*mystery/],
    [['run', 'library.wat'], 125, /WVM_MODULE_UNSUPPORTED: .*_start/],
    [['run', '.'], 125, /is a directory/],
    [['run', '--dir', 'none::/data', 'x.wasm'], 125, /none/],
    [['walk'], 2, /unknown command 'walk'/],
    [['x.wasm'], 2, /hint: wvm run x.wasm/],
    [[], 2, /no command was given/],
    [['help', 'walk'], 2, /no help about 'walk'/],
  ])('wvm %j is refused with %d', async (args, code, message) => {
    writeFileSync(bench.path('x.wasm'), readFileSync(bench.guest('exit300')));
    writeFileSync(bench.path('empty.wasm'), '');
    writeFileSync(bench.path('noise.wasm'), 'noise \0\x01\x02');
    writeFileSync(bench.path('cut.wasm'), readFileSync(bench.guest('exit300')).subarray(0, 40));
    writeFileSync(bench.path('bad.wat'), '(module (func $f (param i33)))');
    writeFileSync(bench.path('stranger.wat'), '(module (import "env" "mystery" (func)) (func (export "_start")))');
    writeFileSync(bench.path('library.wat'), '(module (func (export "add")))');
    const result = await bench.run(args);
    expect(result.stderr).toMatch(message);
    expect(result.stderr).toMatch(/^wvm: WVM_[A-Z_]+: /m);
    expect(result.stderr).not.toMatch(/\n {4}at /);
    expect(result.code).toBe(code);
    expect(bench.registered()).toEqual([]);
  });
});

describe('what the guest gets', () => {
  test('every word after the program is its own, also -- and options', async () => {
    const words = ['one', '--fuel', '1', '--', '-x', '--json', '--trace=x', '', 'ü'];
    const { code, stdout, stderr } = await bench.run(['run', bench.guest('args'), ...words]);
    expect([code, stderr]).toEqual([0, '']);
    expect(Buffer.from(stdout, 'latin1').toString().split('\0')).toEqual(['args.wasm', ...words, '']);
    const dashes = await bench.run(['run', '--quiet', '--', bench.guest('args'), '--help']);
    expect(dashes.stdout).toBe('args.wasm\0--help\0');
  });

  test('its environment is what was given, and nothing of the host', async () => {
    writeFileSync(bench.path('vars.env'), 'A=file\nB="two words"\n');
    const args = ['--env', 'A=1', '--env-file', 'vars.env', '--env', 'HERE', '--env', 'C=x=y'];
    const { stdout } = await bench.run(['run', ...args, bench.guest('environment')], { env: { HERE: 'host' } });
    expect(stdout.split('\0').sort()).toEqual(['', 'A=file', 'B=two words', 'C=x=y', 'HERE=host']);
    expect((await bench.run(['run', bench.guest('environment')])).stdout).toBe('');
  });

  test('its directories are what was lent, writable or not', async () => {
    mkdirSync(bench.path('lent'));
    const create = bench.guest('create');
    const without = await bench.run(['run', create]);
    expect(without.code, 'EBADF').toBe(8);
    const readOnly = await bench.run(['run', '--dir', 'lent:ro', create]);
    expect(readOnly.code).not.toBe(0);
    expect(readdirSync(bench.path('lent'))).toEqual([]);
    expect((await bench.run(['run', '--dir', 'lent::/', create])).code).toBe(0);
    expect(readdirSync(bench.path('lent'))).toEqual(['made.txt']);
  });

  test('its memory is limited by --max-memory', async () => {
    expect((await bench.run(['run', bench.guest('grow')])).code).toBe(0);
    expect((await bench.run(['run', '--max-memory', '8M', bench.guest('grow')])).code).toBe(1);
  });

  test('--seed makes random numbers repeat', async () => {
    const bytesOf = async (...args: string[]): Promise<string> =>
      (await bench.run(['run', ...args, bench.guest('random')])).stdout;
    const [first, second, other, free] = [
      await bytesOf('--seed', '1'),
      await bytesOf('--seed', '0x1'),
      await bytesOf('--seed', '2'),
      await bytesOf(),
    ];
    expect(first).toHaveLength(16);
    expect(second).toBe(first);
    expect(new Set([first, other, free]).size).toBe(3);
  });

  test('stdin comes through, at once and later', async () => {
    const text = 'line\n'.repeat(20_000);
    expect((await bench.run(['run', bench.guest('cat')], { input: text })).stdout).toBe(text);
    const machine = bench.start(['run', bench.guest('cat')]);
    machine.child.stdin!.write('one ');
    await hasPrinted(machine, 'one '.length);
    expect(machine.stdout).toBe('one ');
    machine.child.stdin!.end('two');
    expect((await machine.done).stdout).toBe('one two');
  });

  test('a .wat file runs as the module it stands for', async () => {
    writeFileSync(bench.path('exit.wat'), guestTexts.exit300);
    expect((await bench.run(['run', 'exit.wat'])).code).toBe(44);
  });

  test('a reader that goes away ends the guest by an errno, not wvm by a crash', async () => {
    const machine = bench.start(['run', bench.guest('count')]);
    await hasPrinted(machine, 1);
    machine.child.stdout!.destroy();
    const { code, stderr } = await machine.done;
    expect([code, stderr]).toEqual([99, '']);
  });
});

describe('reports', () => {
  test('--trace prints the calls, to stderr or to a file', async () => {
    const { stderr } = await bench.run(['run', '--trace', bench.guest('exit300')]);
    expect(stderr).toMatch(/proc_exit/);
    const toFile = await bench.run(['run', '--trace=calls.txt', bench.guest('args')]);
    expect([toFile.code, toFile.stderr]).toEqual([0, '']);
    expect(readFileSync(bench.path('calls.txt'), 'utf8')).toMatch(/args_sizes_get[\s\S]*fd_write/);
  });

  test('--json=FILE writes there, errors too, and says everything', async () => {
    const { stderr } = await bench.run(['run', '--json=result.json', '--name', 'mine', bench.guest('exit300')]);
    expect(stderr).toBe('');
    const result = JSON.parse(readFileSync(bench.path('result.json'), 'utf8'));
    expect(Object.keys(result).sort()).toEqual(
      [
        'status',
        'exitCode',
        'guestExitCode',
        'id',
        'name',
        'fuelUsed',
        'memoryBytes',
        'wallTimeMs',
        'snapshots',
      ].sort(),
    );
    expect(result).toMatchObject({ name: 'mine', memoryBytes: 65_536, snapshots: [] });
    await bench.run(['run', '--json=result.json', '--fuel', 'x', bench.guest('exit300')]);
    expect(JSON.parse(readFileSync(bench.path('result.json'), 'utf8'))).toMatchObject({ status: 'error', exitCode: 2 });
  });

  test('every command explains itself', async () => {
    const [, commands] = (await bench.run(['--help'])).stdout.split(/^Commands:|^Examples:/m);
    const listed = commands!.matchAll(/^ {2}([a-z]+) /gm);
    const names = Array.from(listed, ([, name]) => name!);
    expect(names.length).toBeGreaterThan(8);
    for (const name of names) {
      const { code, stdout, stderr } = await bench.run([name, '--help']);
      expect([name, code, stderr]).toEqual([name, 0, '']);
      expect(stdout).toMatch(new RegExp(`^Usage: wvm ${name} `));
      expect(stdout).toContain('Examples:');
      expect(stdout.toLowerCase()).toContain('exit code');
      if (name === 'run') expect((await bench.run(['help', name])).stdout).toBe(stdout);
    }
    expect((await bench.run(['help', 'exit-codes'])).stdout).toMatch(/134 .*trapped/);
    expect((await bench.run(['--version'])).stdout).toMatch(/^[0-9]+\.[0-9]+\.[0-9]+\n$/);
    expect((await bench.run(['--help'])).stdout).not.toContain('\x1b');
  });

  test('a registry that cannot be used costs wvm ps, not the run', async () => {
    symlinkSync('/nowhere', `${bench.root}/run/wvm`);
    const { code, stderr } = await bench.run(['run', '--timeout', '1m', bench.guest('exit300')]);
    expect(code).toBe(44);
    expect(stderr).toMatch(/^wvm: warning: WVM_FILE: this machine is not listed by wvm ps: /);
    const named = await bench.run(['run', '--name', 'mine', bench.guest('exit300')]);
    expect(named.code).toBe(125);
  });

  test('wvm cache counts and clears prepared modules', async () => {
    // With --fuel: what ends in its trial run is not prepared.
    await bench.run(['run', '--fuel', '1000000', bench.guest('exit300')]);
    await bench.run(['run', '--fuel', '1000000', '--no-cache', bench.guest('args')]);
    await bench.run(['run', '--fuel', '1000000', '--cache-dir', 'other', bench.guest('args')]);
    expect(existsSync(bench.path('other'))).toBe(true);
    const count = async (...args: string[]): Promise<number> =>
      JSON.parse((await bench.run(['cache', ...args, '--json'])).stdout).entryCount;
    expect(await count()).toBe(1);
    expect(await count('--cache-dir', 'other')).toBe(1);
    expect(await count('clear')).toBe(1);
    expect(await count()).toBe(0);
    expect((await bench.run(['cache', 'burn'])).code).toBe(2);
  });
});
