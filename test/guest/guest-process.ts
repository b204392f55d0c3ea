// A process that runs guests for a test, one after the other: it is asked for pieces of runs and answers with what they
// did. Only a guest's name, a directory and the bytes of an image go from one such process to another.
//
//   test  --{ id, kind, guest, directory, ... }-->  process      (Node's IPC, values by structured clone)
//         <--{ id, result | error }---------------

import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { type Guest, guestNamed } from '../../guest/manifest.ts';
import { type Outcome, type Piece, runFrom, runStraight, runUntil } from './modes.ts';

type Question =
  | { readonly kind: 'straight' }
  | { readonly kind: 'until'; readonly fuel: bigint }
  | { readonly kind: 'from'; readonly image: Uint8Array };
type Asked = Question & { readonly id: number; readonly guest: string; readonly directory: string };
type Answer =
  | { readonly id: number; readonly result: Outcome | Piece }
  | { readonly id: number; readonly error: unknown };

export class GuestProcess {
  readonly #child: ChildProcess;
  readonly #waiting: Map<number, PromiseWithResolvers<never>> = new Map();
  #asked = 0;

  constructor() {
    this.#child = fork(fileURLToPath(import.meta.url), [], { serialization: 'advanced', execArgv: [] });
    this.#child.on('message', (answer: Answer) => {
      const waiting = this.#waiting.get(answer.id)!;
      this.#waiting.delete(answer.id);
      if ('result' in answer) waiting.resolve(answer.result as never);
      else waiting.reject(answer.error);
    });
    this.#child.on('exit', (code, signal) => {
      for (const { reject } of this.#waiting.values()) reject(new Error(`a process ended: ${code ?? signal}`));
    });
  }

  straight(guest: Guest, directory: string): Promise<Outcome> {
    return this.#ask(guest, directory, { kind: 'straight' });
  }

  until(guest: Guest, directory: string, fuel: bigint): Promise<Piece> {
    return this.#ask(guest, directory, { kind: 'until', fuel });
  }

  from(guest: Guest, directory: string, image: Uint8Array): Promise<Outcome> {
    return this.#ask(guest, directory, { kind: 'from', image });
  }

  close(): void {
    this.#child.kill('SIGKILL');
  }

  #ask<Result>(guest: Guest, directory: string, question: Question): Promise<Result> {
    const asked: Asked = { ...question, id: this.#asked++, guest: guest.name, directory };
    const waiting = Promise.withResolvers<never>();
    this.#waiting.set(asked.id, waiting);
    this.#child.send(asked);
    return waiting.promise;
  }
}

function answer(asked: Asked): Promise<Outcome | Piece> {
  const guest = guestNamed(asked.guest);
  switch (asked.kind) {
    case 'straight':
      return runStraight(guest, asked.directory);
    case 'until':
      return runUntil(guest, asked.directory, asked.fuel);
    case 'from':
      return runFrom(guest, asked.directory, asked.image);
  }
}

if (import.meta.main) {
  process.on('message', (asked: Asked) => {
    answer(asked).then(
      (result) => process.send!({ id: asked.id, result } satisfies Answer),
      (error: unknown) => process.send!({ id: asked.id, error } satisfies Answer),
    );
  });
}
