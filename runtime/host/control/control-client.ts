// The other end of a machine's control socket: what `wvm ps`, `snapshot`, `kill` and `continue` speak through.
// One request at a time. A connection that ends in the middle of an answer is WVM_CONTROL.

import { connect, type Socket } from 'node:net';
import { WvmError, type WvmErrorCode } from '../../base/wvm-error.ts';
import type { ProcessInfo } from '../machine/machine-status.ts';
import { encodeKeys } from '../seal/key-text.ts';
import type { StoreKeys } from '../seal/sealed-files.ts';
import {
  type ControlFrame,
  type ControlReply,
  type ControlRequest,
  controlError,
  decodeFrames,
  encodeMessage,
  type MachineInfo,
  protocolVersion,
  type StoredSnapshotInfo,
  stallTimeoutMs,
} from './control-protocol.ts';

/** How often a client that saves an image says that it lives; several times per stall timeout. */
const savingIntervalMs = 5_000;

/** An image as it arrives. Read `chunks` to their end, then say commit() or abort(). */
export interface RemoteImage {
  readonly sizeBytes: number;
  /** How long the guest stood still. */
  readonly stopNs: number;
  readonly totalNs: number;
  readonly chunks: AsyncIterable<Uint8Array>;
  /** The image is durable. A machine that was stopped for it has ended when this resolves. */
  commit(): Promise<void>;
  /** The image is lost; a machine that was stopped for it goes on. */
  abort(): Promise<void>;
}

export class ControlClient {
  readonly #socket: Socket;
  readonly #frames: AsyncGenerator<ControlFrame>;

  private constructor(socket: Socket) {
    this.#socket = socket;
    this.#frames = decodeFrames(socket);
  }

  /** Connects and checks the protocol version. `timeoutMs` bounds the wait for a machine that is busy or stopped. */
  static async connect(socketPath: string, options: { timeoutMs?: number } = {}): Promise<ControlClient> {
    const socket = await connectSocket(socketPath);
    const client = new ControlClient(socket);
    const hello = await client.#within(options.timeoutMs ?? stallTimeoutMs, client.#reply('hello'));
    if (hello.protocol !== protocolVersion) {
      socket.destroy();
      throw controlError(`machine ${hello.id} speaks version ${hello.protocol}, this wvm speaks ${protocolVersion}`);
    }
    return client;
  }

  async info(options: { timeoutMs?: number } = {}): Promise<MachineInfo> {
    this.#send({ type: 'info' });
    return (await this.#within(options.timeoutMs ?? stallTimeoutMs, this.#reply('info'))).machine;
  }

  /** Asks the machine to end as that host signal would end it. */
  async kill(signal: string): Promise<void> {
    this.#send({ type: 'kill', signal });
    await this.#reply('done');
  }

  /** The machine's processes; of long arguments their beginning. WVM_CONTROL if the machine does not answer. */
  async processes(): Promise<readonly ProcessInfo[]> {
    this.#send({ type: 'tree' });
    const all: ProcessInfo[] = [];
    for (;;) {
      const { processes, hasMore } = await this.#within(stallTimeoutMs, this.#reply('tree'));
      all.push(...processes);
      if (hasMore !== true) return all;
    }
  }

  /** The machine puts itself into a store. Durable when this resolves; with `stop` the machine has ended then. */
  async save(
    options: { store: string; keys?: StoreKeys; stop: boolean; tag: string | null },
    onProgress: (takenBytes: number) => void = () => {},
  ): Promise<StoredSnapshotInfo> {
    const { keys = {}, ...rest } = options;
    this.#send({ type: 'save', keys: encodeKeys(keys), ...rest });
    for (;;) {
      const frame = await this.#within(stallTimeoutMs, this.#next());
      if (frame.kind === 'message' && frame.message.type === 'saving') {
        onProgress(checkReply(frame, 'saving').takenBytes);
        continue;
      }
      return checkReply(frame, 'saved').snapshot;
    }
  }

  /** Lets a frozen machine run. */
  async continue(): Promise<void> {
    this.#send({ type: 'continue' });
    await this.#reply('done');
  }

  /** With `stop` the guest stands still until commit() or abort(), or until this connection is lost. */
  async snapshot(options: { stop: boolean; includeModule: boolean }): Promise<RemoteImage> {
    this.#send({ type: 'snapshot', ...options });
    const { sizeBytes, stopNs, totalNs } = await this.#reply('image');
    const sign = setInterval(() => this.#send({ type: 'saving' }), savingIntervalMs).unref();
    const verdict = async (type: 'committed' | 'aborted'): Promise<void> => {
      clearInterval(sign);
      this.#send({ type });
      await this.#reply('done');
    };
    return {
      sizeBytes,
      stopNs,
      totalNs,
      chunks: this.#chunks(sizeBytes),
      commit: () => verdict('committed'),
      abort: () => verdict('aborted'),
    };
  }

  /**
   * Takes a snapshot and lets `save` make its bytes durable before the machine hears that it may end. If `save`
   * fails, the connection is closed and the machine goes on.
   */
  async saveSnapshot<Saved>(
    options: { stop: boolean; includeModule: boolean },
    save: (image: RemoteImage) => Promise<Saved>,
  ): Promise<{ image: RemoteImage; saved: Saved }> {
    const image = await this.snapshot(options);
    let saved: Saved;
    try {
      saved = await save(image);
    } catch (error) {
      this.close();
      throw error;
    }
    await image.commit();
    return { image, saved };
  }

  close(): void {
    this.#socket.destroy();
  }

  async *#chunks(sizeBytes: number): AsyncGenerator<Uint8Array> {
    let receivedBytes = 0;
    for (;;) {
      const frame = await this.#next();
      if (frame.kind === 'image') {
        receivedBytes += frame.bytes.length;
        if (receivedBytes > sizeBytes) throw controlError(`more than the ${sizeBytes} announced bytes of image`);
        yield frame.bytes;
      } else {
        checkReply(frame, 'image-end');
        if (receivedBytes !== sizeBytes) throw controlError(`image of ${receivedBytes} bytes, ${sizeBytes} announced`);
        return;
      }
    }
  }

  #send(request: ControlRequest): void {
    if (!this.#socket.destroyed) this.#socket.write(encodeMessage(request));
  }

  async #reply<Type extends ControlReply['type']>(type: Type): Promise<Extract<ControlReply, { type: Type }>> {
    return checkReply(await this.#next(), type);
  }

  async #next(): Promise<ControlFrame> {
    let next: IteratorResult<ControlFrame>;
    try {
      next = await this.#frames.next();
    } catch (cause) {
      if (cause instanceof WvmError) throw cause;
      throw connectionLost(cause);
    }
    if (next.done) throw connectionLost(undefined);
    return next.value;
  }

  async #within<Value>(limitMs: number, promise: Promise<Value>): Promise<Value> {
    const timer = setTimeout(() => this.#socket.destroy(controlError(`no answer within ${limitMs} ms`)), limitMs);
    try {
      return await promise;
    } finally {
      clearTimeout(timer);
    }
  }
}

function connectSocket(socketPath: string): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect(socketPath);
    const fail = (cause: Error): void => {
      reject(
        new WvmError('WVM_CONTROL', `control socket: cannot connect to ${socketPath}: ${cause.message}`, { cause }),
      );
    };
    socket.once('error', fail);
    socket.once('connect', () => {
      socket.removeListener('error', fail);
      socket.on('error', () => {}); // The reader of the stream gets it.
      resolve(socket);
    });
  });
}

/** The machine is of the same user and version; its fields are taken as they are. */
function checkReply<Type extends ControlReply['type']>(
  frame: ControlFrame,
  type: Type,
): Extract<ControlReply, { type: Type }> {
  if (frame.kind === 'image') throw controlError(`image bytes where '${type}' belongs`);
  const reply = frame.message as ControlReply;
  if (reply.type === 'error') {
    const { code, message, hint } = reply;
    throw new WvmError(code as WvmErrorCode, message, hint === undefined ? {} : { hint });
  }
  if (reply.type !== type) throw controlError(`'${reply.type}' where '${type}' belongs`);
  return reply as Extract<ControlReply, { type: Type }>;
}

function connectionLost(cause: unknown): WvmError {
  return new WvmError('WVM_CONTROL', 'control socket: the machine ended or closed the connection', {
    cause,
    hint: 'wvm ps lists the machines that run, wvm log what was saved of it',
  });
}
