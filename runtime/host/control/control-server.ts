// The control socket of one running machine: answers other wvm processes (control-protocol.ts) between the guest's
// fuel slices. Every connection is a conversation of its own; what they want of the machine goes through the
// ControlTarget, which puts snapshots in order.
//
// - A client never holds a guest that runs on: an image is a copy, and is sent while the guest runs.
// - With `stop` the guest stands still until the client's verdict; silence longer than the stall timeout is "aborted".
// - Whatever a client sends or however it dies, only its own connection ends.

import { chmodSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { BugError } from '../../base/assert.ts';
import { WvmError } from '../../base/wvm-error.ts';
import type { ProcessInfo } from '../machine/machine-status.ts';
import type { KeyTexts } from '../seal/key-text.ts';
import {
  type ControlFrame,
  type ControlReply,
  type ControlRequest,
  controlError,
  decodeFrames,
  decodeRequest,
  encodeImageHeader,
  encodeMessage,
  type MachineInfo,
  maxImageFrameBytes,
  protocolVersion,
  type StoredSnapshotInfo,
  stallTimeoutMs,
} from './control-protocol.ts';

/** An image on its way to a client. */
export interface ControlImage {
  readonly chunks: Iterable<Uint8Array> | AsyncIterable<Uint8Array>;
  readonly sizeBytes: number;
  readonly stopNs: bigint;
  readonly totalNs: bigint;
  /** The machine ends here if it was stopped for this image. */
  commit(): void;
  /** The guest goes on if it was stopped for this image. Harmless after commit(). */
  abort(): void;
}

export interface SaveRequest {
  readonly store: string;
  readonly keys: KeyTexts;
  readonly stop: boolean;
  readonly tag: string | null;
  readonly onProgress: (takenBytes: number) => void;
}

/** What a control server may do to its machine. */
export interface ControlTarget {
  /** Of the machine in the registry. */
  readonly id: string;
  info(): MachineInfo | Promise<MachineInfo>;
  snapshot(options: { stop: boolean; includeModule: boolean }): Promise<ControlImage>;
  /** Puts the machine into the store at that place; durable when it resolves. With `stop` it has ended then. */
  save(request: SaveRequest): Promise<StoredSnapshotInfo>;
  processes(): Promise<readonly ProcessInfo[]>;
  /** Ends the guest as the host signal of this name would; throws WVM_USAGE for a signal that cannot. */
  kill(signal: string): void;
  /** Lets a frozen machine run; throws WVM_USAGE if it is not frozen. */
  continue(): void;
}

/** More than this many at once are a runaway script; they are turned away. */
const maxConnections = 256;
/** Characters of a process's arguments: so many processes fit into a message, whatever is in them. */
const maxArgsLength = 80;
const processesPerMessage = 64;
const progressIntervalMs = 200;

export class ControlServer {
  readonly #target: ControlTarget;
  readonly #server: Server;
  readonly #stallMs: number;
  readonly #conversations: Map<Socket, Promise<void>> = new Map();
  /** Conversations between two requests. */
  readonly #idle: Set<Socket> = new Set();

  constructor(target: ControlTarget, options: { stallMs?: number } = {}) {
    this.#target = target;
    this.#stallMs = options.stallMs ?? stallTimeoutMs;
    this.#server = createServer({ allowHalfOpen: false }, (socket) => this.#accept(socket));
    this.#server.maxConnections = maxConnections;
  }

  listen(socketPath: string): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(socketPath, () => {
        this.#server.removeListener('error', reject);
        chmodSync(socketPath, 0o600);
        resolve();
      });
    });
  }

  /** Stops listening; lets conversations come to their end if `drain`, cuts them off otherwise. */
  async close(options: { drain: boolean }): Promise<void> {
    this.#server.close();
    // A conversation that waits for a next request has nothing to bring to an end.
    for (const socket of this.#conversations.keys()) if (!options.drain || this.#idle.has(socket)) socket.destroy();
    await Promise.all(this.#conversations.values());
  }

  #accept(socket: Socket): void {
    socket.on('error', () => socket.destroy()); // The client is gone; its conversation sees the end of its stream.
    const conversation = this.#converse(socket).finally(() => {
      this.#conversations.delete(socket);
      this.#idle.delete(socket);
    });
    this.#conversations.set(socket, conversation);
  }

  async #converse(socket: Socket): Promise<void> {
    const frames = decodeFrames(socket.iterator({ destroyOnReturn: false }));
    try {
      const { id } = this.#target;
      await this.#send(socket, encodeMessage({ type: 'hello', protocol: protocolVersion, id, pid: process.pid }));
      for (;;) {
        this.#idle.add(socket);
        const request = await nextRequest(frames);
        this.#idle.delete(socket);
        if (request === undefined) break;
        await this.#answer(socket, frames, request);
      }
      socket.end();
    } catch (error) {
      if (error instanceof BugError) throw error;
      if (!socket.destroyed) socket.end(encodeMessage(errorReply(error)));
      // A client that reads no more must not keep the connection.
      setTimeout(() => socket.destroy(), 1000).unref();
    }
  }

  async #answer(socket: Socket, frames: AsyncGenerator<ControlFrame>, request: ControlRequest): Promise<void> {
    try {
      switch (request.type) {
        case 'info':
          return await this.#send(socket, encodeMessage({ type: 'info', machine: await this.#target.info() }));
        case 'kill':
          this.#target.kill(request.signal);
          return await this.#send(socket, encodeMessage({ type: 'done' }));
        case 'continue':
          this.#target.continue();
          return await this.#send(socket, encodeMessage({ type: 'done' }));
        case 'tree': {
          const all = (await this.#target.processes()).map(({ args, ...rest }) => ({ ...rest, args: shorten(args) }));
          for (let at = 0; at < all.length || at === 0; at += processesPerMessage) {
            const processes = all.slice(at, at + processesPerMessage);
            const hasMore = at + processesPerMessage < all.length;
            await this.#send(socket, encodeMessage({ type: 'tree', processes, hasMore }));
          }
          return;
        }
        case 'save':
          return await this.#save(socket, request);
        case 'snapshot':
          return await this.#sendSnapshot(socket, frames, await this.#target.snapshot(request));
        default:
          throw controlError(`'${request.type}' without a snapshot`);
      }
    } catch (error) {
      // A refusal is an answer; a broken connection or protocol ends the conversation.
      if (!(error instanceof WvmError) || error.code === 'WVM_CONTROL') throw error;
      await this.#send(socket, encodeMessage(errorReply(error)));
    }
  }

  /** Whoever has asked hears that it goes on; if he is gone, the snapshot is made nevertheless. */
  async #save(socket: Socket, request: Extract<ControlRequest, { type: 'save' }>): Promise<void> {
    let takenBytes = 0;
    const say = setInterval(() => {
      if (!socket.destroyed && !socket.writableNeedDrain) socket.write(encodeMessage({ type: 'saving', takenBytes }));
    }, progressIntervalMs);
    try {
      const snapshot = await this.#target.save({
        ...request,
        onProgress: (bytes) => {
          takenBytes = bytes;
        },
      });
      clearInterval(say);
      await this.#send(socket, encodeMessage({ type: 'saved', snapshot }));
    } finally {
      clearInterval(say);
    }
  }

  async #sendSnapshot(socket: Socket, frames: AsyncGenerator<ControlFrame>, image: ControlImage): Promise<void> {
    try {
      const { sizeBytes, stopNs, totalNs } = image;
      await this.#send(
        socket,
        encodeMessage({ type: 'image', sizeBytes, stopNs: Number(stopNs), totalNs: Number(totalNs) }),
      );
      for await (const chunk of image.chunks) {
        for (let offset = 0; offset < chunk.length; offset += maxImageFrameBytes) {
          const part = chunk.subarray(offset, offset + maxImageFrameBytes);
          socket.write(encodeImageHeader(part.length));
          await this.#sendOut(socket, part);
        }
      }
      await this.#send(socket, encodeMessage({ type: 'image-end' }));
      if ((await this.#verdict(socket, frames)) === 'committed') image.commit();
      else image.abort();
      await this.#send(socket, encodeMessage({ type: 'done' }));
    } finally {
      image.abort();
    }
  }

  /** Waits for `committed` or `aborted`; `saving` shows that the client lives. */
  async #verdict(socket: Socket, frames: AsyncGenerator<ControlFrame>): Promise<'committed' | 'aborted'> {
    for (;;) {
      const request = await within(this.#stallMs, socket, nextRequest(frames));
      if (request?.type === 'committed' || request?.type === 'aborted') return request.type;
      if (request === undefined) return 'aborted';
      if (request.type !== 'saving') throw controlError(`'${request.type}' where a verdict on the image belongs`);
    }
  }

  /** Resolves when nobody needs `bytes` any more: they may be others by then. */
  async #sendOut(socket: Socket, bytes: Uint8Array): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    socket.write(bytes, (error) => {
      if (error == null) resolve();
      else reject(controlError('the client is gone'));
    });
    await within(this.#stallMs, socket, promise);
  }

  /** Resolves when the client has room again. */
  async #send(socket: Socket, bytes: Uint8Array): Promise<void> {
    if (socket.destroyed) throw controlError('the client is gone');
    if (socket.write(bytes)) return;
    await within(
      this.#stallMs,
      socket,
      new Promise<void>((resolve, reject) => {
        const settle = (): void => {
          socket.removeListener('drain', settle);
          socket.removeListener('close', settle);
          if (socket.destroyed) reject(controlError('the client is gone'));
          else resolve();
        };
        socket.on('drain', settle);
        socket.on('close', settle);
      }),
    );
  }
}

async function nextRequest(frames: AsyncGenerator<ControlFrame>): Promise<ControlRequest | undefined> {
  const next = await frames.next();
  if (next.done) return undefined;
  if (next.value.kind !== 'message') throw controlError('image bytes from a client');
  return decodeRequest(next.value.message);
}

/** `promise`, or the end of the connection if it takes longer than `limitMs`. */
async function within<Value>(limitMs: number, socket: Socket, promise: Promise<Value>): Promise<Value> {
  const timer = setTimeout(() => socket.destroy(), limitMs);
  try {
    return await promise;
  } finally {
    clearTimeout(timer);
  }
}

function errorReply(error: unknown): ControlReply {
  const code = error instanceof WvmError ? error.code : 'WVM_CONTROL';
  const message = error instanceof Error ? error.message : String(error);
  const hint = error instanceof WvmError ? error.hint : undefined;
  return { type: 'error', code, message, ...(hint === undefined ? {} : { hint }) };
}

/** The first words, as far as they fit. */
function shorten(args: readonly string[]): string[] {
  const kept: string[] = [];
  let left = maxArgsLength;
  for (const word of args) {
    if (left <= 0) break;
    kept.push(word.slice(0, left));
    left -= word.length + 1;
  }
  return kept;
}
