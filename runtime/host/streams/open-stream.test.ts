import { execFileSync, spawn, spawnSync } from 'node:child_process';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { LinuxErrno } from '../../../abi/errno.ts';
import { HostInput } from './host-input.ts';
import { HostOutput } from './host-output.ts';
import { BytesInput, CallbackOutput, NullStream } from './memory-streams.ts';
import { openInput, openOutput } from './open-stream.ts';

const EAGAIN = -LinuxErrno.EAGAIN;
const { O_RDONLY, O_WRONLY, O_NONBLOCK } = fs.constants;

function readText(input: { read(target: Uint8Array): number }, size = 100): string | number {
  const target = new Uint8Array(size);
  const count = input.read(target);
  return count < 0 ? count : Buffer.from(target.subarray(0, count)).toString();
}

const readable = (input: HostInput): Promise<void> => new Promise((resolve) => input.onceReadable(resolve));

/** Runs TypeScript in a new node, with `HostInput` and `HostOutput` in scope. */
function script(body: string): string[] {
  const from = (name: string): string => JSON.stringify(new URL(name, import.meta.url).href);
  return [
    '--input-type=module-typescript',
    '-e',
    `import { HostInput } from ${from('./host-input.ts')}; import { HostOutput } from ${from('./host-output.ts')};
     import * as fs from 'node:fs';
     const readAll = async (input: HostInput): Promise<string> => {
       let all = '';
       for (const target = new Uint8Array(7); ; ) {
         const count = input.read(target);
         if (count === 0) return all;
         if (count > 0) all += Buffer.from(target.subarray(0, count)).toString();
         else await new Promise<void>((resolve) => input.onceReadable(resolve));
       }
     };
     ${body}`,
  ];
}

describe('HostInput', () => {
  let base: string;
  let fifo: string;
  const fds: number[] = [];
  const inputs: HostInput[] = [];

  beforeEach(() => {
    base = fs.mkdtempSync(path.join(os.tmpdir(), 'wvm-streams-'));
    fifo = path.join(base, 'fifo');
    execFileSync('mkfifo', [fifo]);
  });
  afterEach(() => {
    for (const input of inputs.splice(0)) input.close();
    for (const fd of fds.splice(0)) fs.closeSync(fd);
    fs.rmSync(base, { recursive: true, force: true });
  });

  const open = (name: string, flags: number): number => {
    const fd = fs.openSync(name, flags);
    fds.push(fd);
    return fd;
  };
  const input = (fd: number): HostInput => {
    inputs.push(new HostInput(fd));
    return inputs.at(-1)!;
  };
  const pipe = (): { reader: HostInput; readFd: number; writeFd: number } => {
    const readFd = open(fifo, O_RDONLY | O_NONBLOCK);
    return { reader: input(readFd), readFd, writeFd: fs.openSync(fifo, O_WRONLY) };
  };

  it('an empty pipe with a writer gives EAGAIN, then what comes, then the end for ever', async () => {
    const { reader, writeFd } = pipe();
    expect(reader.kind).toBe('pipe');
    expect(readText(reader)).toBe(EAGAIN);
    expect(reader.readableBytes()).toBe(0);
    const woken = readable(reader);
    setTimeout(() => fs.writeSync(writeFd, 'later'), 10);
    await woken;
    expect(readText(reader)).toBe('later');
    expect(readText(reader)).toBe(EAGAIN);
    const ended = readable(reader);
    fs.closeSync(writeFd);
    await ended;
    expect([readText(reader), readText(reader), reader.readableBytes()]).toEqual(['', '', -1]);
    await readable(reader);
  });

  it('takes nothing from the pipe before it is asked, one byte while it waits, and nothing by reading', async () => {
    const { reader, readFd, writeFd } = pipe();
    fs.writeSync(writeFd, '0123456789');
    await new Promise((resolve) => setTimeout(resolve, 5));
    expect(readText(reader, 3)).toBe('012');
    expect(reader.unreadBytes().length).toBe(0);
    await readable(reader);
    expect(Buffer.from(reader.unreadBytes()).toString()).toBe('3');
    expect(fs.readSync(readFd, new Uint8Array(2), 0, 2, null)).toBe(2);
    expect(readText(reader)).toBe('36789');
    fs.closeSync(writeFd);
  });

  it('readableBytes() keeps what it took, and unreadBytes() and preload() carry it to another input', () => {
    const { reader, readFd, writeFd } = pipe();
    fs.writeSync(writeFd, 'abcdef');
    expect(reader.readableBytes()).toBe(6);
    expect(readText(reader, 2)).toBe('ab');
    const carried = reader.unreadBytes();
    expect(Buffer.from(carried).toString()).toBe('cdef');
    const other = input(readFd);
    other.preload(carried);
    fs.writeSync(writeFd, 'gh');
    expect(other.readableBytes()).toBe(4);
    expect(readText(other)).toBe('cdefgh');
    expect(readText(reader)).toBe('cdef');
    fs.closeSync(writeFd);
  });

  it('close() wakes who waits, and then a read is EBADF', async () => {
    const { reader, writeFd } = pipe();
    const woken = readable(reader);
    reader.close();
    await woken;
    expect(readText(reader)).toBe(-LinuxErrno.EBADF);
    reader.close();
    fs.closeSync(writeFd);
  });

  it('a file is read from its offset, and says how much is left', () => {
    fs.writeFileSync(path.join(base, 'file'), 'content');
    const fd = open(path.join(base, 'file'), O_RDONLY);
    fs.readSync(fd, new Uint8Array(3), 0, 3, null);
    const file = input(fd);
    expect([file.kind, file.readableBytes()]).toEqual(['file', 4]);
    expect(readText(file, 2)).toBe('te');
    expect(file.readableBytes()).toBe(2);
    expect([readText(file), readText(file), file.readableBytes()]).toEqual(['nt', '', -1]);
  });

  it('/dev/null is at its end, and a directory is EISDIR', () => {
    const nothing = input(open('/dev/null', O_RDONLY));
    expect([nothing.kind, nothing.readableBytes(), readText(nothing)]).toEqual(['null', -1, '']);
    expect(readText(input(open(base, O_RDONLY)))).toBe(-LinuxErrno.EISDIR);
  });

  it('reads from a socket, which Node gives its children', async () => {
    const child = spawn(
      process.execPath,
      script('console.log(new HostInput(0).kind, await readAll(new HostInput(0)));'),
    );
    for (const part of ['first ', 'second ', 'third, which is longer than a buffer']) {
      child.stdin.write(part);
      await new Promise((resolve) => setTimeout(resolve, 30));
    }
    child.stdin.end();
    expect(await text(child.stdout)).toBe('socket first second third, which is longer than a buffer\n');
  });

  it('leaves to the next program of the shell what was not read, and the pipe blocking', () => {
    const [node, args] = [
      process.execPath,
      script('process.stderr.write("" + new HostInput(0).read(new Uint8Array(4)))'),
    ];
    const command = 'printf "one\\ntwo\\n" | { "$@"; cat; }';
    const result = spawnSync('sh', ['-c', command, 'sh', node, ...args], { encoding: 'utf8' });
    expect([result.stdout, result.stderr]).toEqual(['two\n', '4']);
  });

  it('does not keep the process alive when it is closed while somebody waits, or when nobody does', async () => {
    const readFd = open(fifo, O_RDONLY | O_NONBLOCK);
    open(fifo, O_WRONLY);
    for (const end of [
      'input.onceReadable(() => {}); setTimeout(() => input.close(), 20);',
      'input.readableBytes();',
    ]) {
      const args = script(`const input = new HostInput(0); ${end}`);
      const child = spawn(process.execPath, args, { stdio: [readFd, 'ignore', 'ignore'], timeout: 4000 });
      expect(await new Promise((resolve) => child.on('exit', (code, signal) => resolve(signal ?? code)))).toBe(0);
    }
  });

  const hasScript = spawnSync('script', ['--version']).status === 0;
  it.runIf(hasScript)('reads lines from a terminal until its end of file', async () => {
    const body = `const [input, output] = [new HostInput(0), new HostOutput(1)];
      output.write(Buffer.from('kind ' + input.kind + ' ' + output.kind + '\\n'));
      output.write(Buffer.from('got ' + JSON.stringify(await readAll(input)) + '\\n')); input.close(); output.close();`;
    const file = path.join(base, 'main.mts');
    fs.writeFileSync(file, script(body)[2]!);
    const child = spawn('script', ['-qec', `stty -echo; '${process.execPath}' '${file}'`, '/dev/null']);
    const output = text(child.stdout);
    setTimeout(() => child.stdin.write('line one\n'), 400);
    setTimeout(() => child.stdin.write('two\n\x04'), 500);
    const shown = (await output).replaceAll('\r', '');
    expect(shown).toContain('kind tty tty\n');
    expect(shown).toContain('got "line one\\ntwo\\n"\n');
  });

  it.runIf(hasScript)('tells the size of a terminal, and sets its mode until it is closed', async () => {
    const body = `const { execSync } = await import('node:child_process');
      const mode = () => execSync('stty -a < /dev/tty').toString().match(/-?icanon/)[0];
      const [input, output] = [new HostInput(0), new HostOutput(1)];
      const modes = [mode()];
      input.setRawMode(false); modes.push(mode());
      input.setRawMode(true); modes.push(mode());
      const sizes = [input.terminalSize(), output.terminalSize()];
      input.close(); modes.push(mode());
      console.log(JSON.stringify([sizes, modes]));`;
    const file = path.join(base, 'mode.mts');
    fs.writeFileSync(file, script(body)[2]!);
    const command = `stty cols 99 rows 33; '${process.execPath}' '${file}'`;
    const shown = await text(spawn('script', ['-qec', command, '/dev/null']).stdout);
    const size = { columns: 99, rows: 33 };
    expect(JSON.parse(shown)).toEqual([
      [size, size],
      ['icanon', 'icanon', '-icanon', 'icanon'],
    ]);
  });
});

describe('HostOutput', () => {
  let base: string;
  beforeEach(() => {
    base = fs.mkdtempSync(path.join(os.tmpdir(), 'wvm-streams-'));
  });
  afterEach(() => fs.rmSync(base, { recursive: true, force: true }));

  it('a full pipe takes a part, then EAGAIN, and wakes when it was emptied; a gone reader is EPIPE', async () => {
    const fifo = path.join(base, 'fifo');
    execFileSync('mkfifo', [fifo]);
    const readFd = fs.openSync(fifo, O_RDONLY | O_NONBLOCK);
    const writeFd = fs.openSync(fifo, O_WRONLY);
    const output = new HostOutput(writeFd);
    expect(output.kind).toBe('pipe');
    const big = new Uint8Array(1 << 20);
    const taken = output.write(big);
    expect(taken).toBeGreaterThan(0);
    expect(taken).toBeLessThan(big.length);
    expect(output.write(big)).toBe(EAGAIN);
    const woken = new Promise<void>((resolve) => output.onceWritable(resolve));
    fs.readSync(readFd, big, 0, taken, null);
    await woken;
    expect(output.write(big.subarray(0, 10))).toBe(10);
    fs.closeSync(readFd);
    expect(output.write(big)).toBe(-LinuxErrno.EPIPE);
    // The descriptor that others share was left blocking.
    expect(/flags:\s*(\d+)/.exec(fs.readFileSync(`/proc/self/fdinfo/${writeFd}`, 'latin1'))?.[1]).not.toMatch(
      /4\d{3}$/,
    );
    output.close();
    expect(output.write(big)).toBe(-LinuxErrno.EBADF);
    fs.closeSync(writeFd);
  });

  it('a file takes everything at its offset, from shared wasm memory too', () => {
    const fd = fs.openSync(path.join(base, 'file'), 'w');
    const output = new HostOutput(fd);
    const memory = new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true });
    const view = new Uint8Array(memory.buffer);
    view.set(Buffer.from('shared'));
    expect([output.kind, output.write(Buffer.from('a ')), output.write(view.subarray(0, 6))]).toEqual(['file', 2, 6]);
    fs.closeSync(fd);
    expect(fs.readFileSync(path.join(base, 'file'), 'utf8')).toBe('a shared');
  });

  it('a socket whose reader has stopped is EAGAIN and not a block', async () => {
    const body = `const output = new HostOutput(1); const chunk = new Uint8Array(65536).fill(120); let total = 0, count = 0;
      while ((count = output.write(chunk)) > 0) total += count;
      fs.writeSync(2, total + ' ' + count + '\\n');
      for (let left = 3 * 65536; left > 0; ) {
        count = output.write(chunk);
        if (count > 0) { left -= count; total += count; }
        else await new Promise<void>((resolve) => output.onceWritable(resolve));
      }
      fs.writeSync(2, String(total)); output.close();`;
    const child = spawn(process.execPath, script(body));
    child.stdout.pause();
    const line = await new Promise<string>((resolve) => child.stderr.once('data', (data) => resolve(String(data))));
    expect(line).toMatch(/^\d+ -11\n$/);
    const [rest, total] = await Promise.all([text(child.stdout), text(child.stderr)]);
    expect(rest.length).toBe(Number(total));
  });
});

describe('streams in memory', () => {
  it('BytesInput gives its bytes and then the end', () => {
    const input = new BytesInput(Buffer.from('hello'));
    expect(input.readableBytes()).toBe(5);
    expect(readText(input, 2)).toBe('he');
    expect(Buffer.from(input.unreadBytes()).toString()).toBe('llo');
    input.preload(Buffer.from('>'));
    expect([readText(input), readText(input), input.readableBytes()]).toEqual(['>llo', '', -1]);
  });

  it('NullStream is empty and takes everything', () => {
    const stream = new NullStream();
    expect([stream.readableBytes(), readText(stream), stream.write(new Uint8Array(9))]).toEqual([-1, '', 9]);
  });

  it('CallbackOutput hands over copies', () => {
    const chunks: Uint8Array[] = [];
    const output = new CallbackOutput((chunk) => chunks.push(chunk));
    const bytes = Uint8Array.of(1, 2);
    expect([output.write(bytes), output.write(bytes.subarray(0, 0))]).toEqual([2, 0]);
    bytes.fill(0);
    expect(chunks).toEqual([Uint8Array.of(1, 2)]);
  });

  it('openInput() and openOutput() choose by option', () => {
    expect(openInput('null')).toBeInstanceOf(NullStream);
    expect(openInput(new Uint8Array(1))).toBeInstanceOf(BytesInput);
    expect(openOutput('null', 1)).toBeInstanceOf(NullStream);
    expect(openOutput(() => {}, 2)).toBeInstanceOf(CallbackOutput);
  });
});
