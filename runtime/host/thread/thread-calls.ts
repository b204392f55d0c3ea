// Calls between two threads, both ways over one message port: a call is { call, name, argument }, its answer
// { answer, value } or { answer, failure }. A failure arrives as the error that it was: code, hint and stack.

import { BugError } from '../../base/assert.ts';
import { WvmError, type WvmErrorCode } from '../../base/wvm-error.ts';

/** What one side can be asked to do. Buffers that a procedure puts into `moved` are handed over with its result. */
export interface Procedures {
  readonly [name: string]: (argument: never, moved: ArrayBuffer[]) => unknown;
}

/** A Worker, seen from outside, or the port to its parent, seen from inside. */
export interface CallPort {
  postMessage(message: unknown, moved: ArrayBuffer[]): void;
  on(event: 'message', listener: (message: CallMessage) => void): unknown;
}

type CallMessage =
  | { readonly call: number; readonly name: string; readonly argument: unknown }
  | { readonly answer: number; readonly value: unknown; readonly failure: undefined }
  | { readonly answer: number; readonly failure: FailureRecord };

interface FailureRecord {
  readonly kind: 'wvm' | 'bug' | 'other';
  readonly message: string;
  readonly stack: string | undefined;
  readonly code: string | undefined;
  readonly hint: string | undefined;
  readonly path: string | undefined;
}

type Answer<Theirs extends Procedures, Name extends keyof Theirs> = Awaited<ReturnType<Theirs[Name]>>;

/** One end. `Theirs`: what the other side can do. */
export class ThreadCalls<Theirs extends Procedures> {
  readonly #port: CallPort;
  readonly #waiting: Map<number, { resolve: (value: unknown) => void; reject: (error: unknown) => void }> = new Map();
  #nextCall = 1;
  #failure: unknown;

  /** `afterAnswer` is called when the answer to a call of the other side has been posted. */
  constructor(port: CallPort, ours: Procedures, afterAnswer: (name: string) => void = () => {}) {
    this.#port = port;
    port.on('message', (message) => {
      if ('call' in message) void this.#serve(message, ours, afterAnswer);
      else this.#settle(message);
    });
  }

  /** Has the other side do something; rejects with its error, or with that of fail(). `moved` is handed over. */
  call<Name extends keyof Theirs & string>(
    name: Name,
    argument?: Parameters<Theirs[Name]>[0],
    moved: ArrayBuffer[] = [],
  ): Promise<Answer<Theirs, Name>> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    const call = this.#nextCall++;
    return new Promise((resolve, reject) => {
      this.#waiting.set(call, { resolve: resolve as (value: unknown) => void, reject });
      this.#port.postMessage({ call, name, argument } satisfies CallMessage, moved);
    });
  }

  /** The other side is gone: no call is answered any more. */
  fail(error: unknown): void {
    this.#failure ??= error;
    for (const { reject } of this.#waiting.values()) reject(this.#failure);
    this.#waiting.clear();
  }

  async #serve(
    { call, name, argument }: Extract<CallMessage, { call: number }>,
    ours: Procedures,
    afterAnswer: (name: string) => void,
  ): Promise<void> {
    const moved: ArrayBuffer[] = [];
    try {
      const value = await ours[name]!(argument as never, moved);
      this.#port.postMessage({ answer: call, value, failure: undefined } satisfies CallMessage, moved);
    } catch (error) {
      this.#port.postMessage({ answer: call, failure: recordOf(error) } satisfies CallMessage, []);
    }
    afterAnswer(name);
  }

  #settle(message: Exclude<CallMessage, { call: number }>): void {
    const waiting = this.#waiting.get(message.answer);
    this.#waiting.delete(message.answer);
    if (message.failure === undefined) waiting?.resolve(message.value);
    else waiting?.reject(errorOf(message.failure));
  }
}

function recordOf(error: unknown): FailureRecord {
  const { message, stack, code, hint, path } = (error instanceof Error ? error : new Error(String(error))) as Error & {
    code?: string;
    hint?: string;
    path?: string;
  };
  const kind = error instanceof WvmError ? 'wvm' : error instanceof BugError ? 'bug' : 'other';
  return { kind, message, stack, code, hint, path };
}

function errorOf({ kind, message, stack, code, hint, path }: FailureRecord): Error {
  if (kind === 'wvm') return new WvmError(code as WvmErrorCode, message, hint === undefined ? {} : { hint });
  const error = kind === 'bug' ? new BugError('') : new Error(message);
  error.message = message;
  if (stack !== undefined) error.stack = stack;
  return Object.assign(error, code === undefined ? {} : { code }, path === undefined ? {} : { path });
}
