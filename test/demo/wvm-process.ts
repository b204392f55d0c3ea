// A `wvm` command in a process of its own: the built CLI, as `npx wvm` runs it.

import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Readable } from 'node:stream';

const cli = join(import.meta.dirname, '..', '..', 'dist', 'runtime', 'cli', 'main.js');

export interface Finished {
  /** Exit status, or null if a signal ended it. */
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export class WvmProcess {
  readonly finished: Promise<Finished>;
  readonly pid: number | undefined;
  readonly #child: ChildProcessByStdio<null, Readable, Readable>;
  #stdout = '';
  #stderr = '';

  constructor(...args: readonly string[]) {
    if (!existsSync(cli)) throw new Error(`${cli} is missing: run npm ci or npm run build first`);
    this.#child = spawn(process.execPath, [cli, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
    this.pid = this.#child.pid;
    this.#child.stdout.setEncoding('utf8').on('data', (text: string) => {
      this.#stdout += text;
    });
    this.#child.stderr.setEncoding('utf8').on('data', (text: string) => {
      this.#stderr += text;
    });
    this.finished = new Promise((resolve, reject) => {
      this.#child.once('error', reject);
      this.#child.once('close', (status) => resolve({ status, stdout: this.#stdout, stderr: this.#stderr }));
    });
  }

  /** Resolves once the process has written `byteCount` bytes; rejects if it ends before. */
  stdoutBytes(byteCount: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const look = (): void => {
        if (this.#stdout.length >= byteCount) resolve();
      };
      this.#child.stdout.on('data', look);
      this.#child.once('close', (status) => {
        reject(
          new Error(`the program ended (status ${status}) before it had written ${byteCount} bytes\n${this.#stderr}`),
        );
      });
      look();
    });
  }
}

/** Runs a `wvm` command to its end. */
export function wvm(...args: readonly string[]): Promise<Finished> {
  return new WvmProcess(...args).finished;
}
