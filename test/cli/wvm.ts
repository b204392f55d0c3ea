// Runs the real command line as child processes, each test in directories of its own, and leaves nothing running.

import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { GuestName } from './guests.ts';

/** The sources, or what WVM_CLI names: the built command line. */
export const mainFile: string =
  process.env['WVM_CLI'] ?? fileURLToPath(new URL('../../runtime/cli/main.ts', import.meta.url));
/** Where build.ts has put the guests. */
const guestsDirectory: string = process.env['WVM_TEST_GUESTS'] ?? '';
/** Everything here takes less than a second on an idle machine; some are not idle at all. */
const patienceMs = 100_000;

export interface Result {
  readonly code: number | null;
  readonly signal: string | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly input?: string | Uint8Array;
  /** Another wvm, by its main file. */
  readonly wvm?: string;
  /** A descriptor; else what it prints is in `stdout`. */
  readonly stdout?: number;
}

/** A wvm process that runs. */
export class Running {
  readonly child: ChildProcess;
  readonly done: Promise<Result>;
  stdout = '';
  stderr = '';

  constructor(child: ChildProcess) {
    this.child = child;
    const chunks: Buffer[] = [];
    child.stdout?.on('data', (chunk: Buffer) => {
      chunks.push(chunk);
      this.stdout += chunk.toString('latin1');
    });
    child.stderr?.on('data', (chunk: Buffer) => {
      this.stderr += chunk.toString('utf8');
    });
    this.done = new Promise((resolve) => {
      child.on('close', (code, signal) => {
        resolve({ code, signal, stdout: Buffer.concat(chunks).toString('latin1'), stderr: this.stderr });
      });
    });
  }

  /** Its exit code, or the signal that has killed it (a crash is one); undefined while it runs. */
  get end(): number | string | undefined {
    return this.child.exitCode ?? this.child.signalCode ?? undefined;
  }
}

/** Waits until the guest has printed `sizeBytes`; says why it never will. */
export async function hasPrinted(machine: Running, sizeBytes: number): Promise<void> {
  await until(() => machine.stdout.length >= sizeBytes || machine.end !== undefined, `${sizeBytes} bytes of output`);
  if (machine.stdout.length < sizeBytes) throw new Error(`ended with ${machine.end}: ${machine.stderr}`);
}

/** Directories of one test, and the processes it started. */
export class Bench {
  readonly root: string;
  /** Where commands run, and images go. */
  readonly work: string;
  readonly #started: Running[] = [];

  constructor() {
    this.root = mkdtempSync(join(tmpdir(), 'wvm-cli-'));
    this.work = join(this.root, 'work');
    mkdirSync(this.work);
    mkdirSync(join(this.root, 'run'), { mode: 0o700 });
  }

  guest(name: GuestName): string {
    return join(guestsDirectory, `${name}.wasm`);
  }

  /** Starts `wvm ...args`. Output is latin1: a character is a byte. */
  start(args: readonly string[], options: RunOptions = {}): Running {
    // As the first line of main.ts has it.
    const child = spawn(process.execPath, ['--', options.wvm ?? mainFile, ...args], {
      cwd: options.cwd ?? this.work,
      env: {
        PATH: process.env['PATH'],
        XDG_RUNTIME_DIR: join(this.root, 'run'),
        XDG_CACHE_HOME: join(this.root, 'cache'),
        XDG_DATA_HOME: join(this.root, 'data'),
        // Its first use costs more than it gives to the few commands of one test.
        NODE_DISABLE_COMPILE_CACHE: '1',
        ...options.env,
      },
      stdio: ['pipe', options.stdout ?? 'pipe', 'pipe'],
    });
    child.stdin!.on('error', () => {}); // It may end before it has read all.
    if (options.input !== undefined) child.stdin!.end(options.input);
    const running = new Running(child);
    this.#started.push(running);
    return running;
  }

  async run(args: readonly string[], options: RunOptions = {}): Promise<Result> {
    const running = this.start(args, { input: '', ...options });
    const timer = setTimeout(() => running.child.kill('SIGKILL'), patienceMs);
    try {
      return await running.done;
    } finally {
      clearTimeout(timer);
    }
  }

  /** Starts a guest and waits until it is listed and has printed something, if it prints. */
  async startMachine(args: readonly string[], name: string, options: RunOptions = {}): Promise<Running> {
    const running = this.start(args, options);
    await until(() => this.registered().includes(name) || running.end !== undefined, `${name} to be listed`);
    if (running.end !== undefined) throw new Error(`ended with ${running.end}: ${running.stderr}`);
    return running;
  }

  /** Names in the registry, read without wvm. */
  registered(): string[] {
    const directory = join(this.root, 'run', 'wvm');
    if (!existsSync(directory)) return [];
    return readdirSync(directory)
      .filter((file) => file.endsWith('.json'))
      .map((file) => JSON.parse(readFileSync(join(directory, file), 'utf8')).name as string);
  }

  /** Everything that machines have left behind in the registry. */
  registryFiles(): string[] {
    const directory = join(this.root, 'run', 'wvm');
    return existsSync(directory) ? readdirSync(directory, { recursive: true }).map(String).sort() : [];
  }

  files(): string[] {
    return readdirSync(this.work).sort();
  }

  path(name: string): string {
    return join(this.work, name);
  }

  async close(): Promise<void> {
    for (const { child, end } of this.#started) if (end === undefined) child.kill('SIGKILL');
    await Promise.all(this.#started.map((running) => running.done));
    rmSync(this.root, { recursive: true, force: true });
  }
}

export async function until(condition: () => boolean, what: string): Promise<void> {
  const deadline = Date.now() + patienceMs;
  while (!condition()) {
    if (Date.now() > deadline) throw new Error(`waited ${patienceMs} ms for ${what}`);
    await sleep(10);
  }
}
