// A machine as others find it: its name, its control socket and its entry in the registry.
//
// 1. prepare(): socket and name, while the machine is still being loaded
// 2. publish(): once it is loaded, the entry
// 3. withdraw(): nothing is left, not even if the process is told to end

import { WvmError } from '../../base/wvm-error.ts';
import type { ControlServer } from './control-server.ts';
import {
  checkMachineName,
  claimName,
  defaultMachineName,
  openRegistryDirectory,
  removeEntry,
  socketPathOf,
  writeEntry,
} from './registry.ts';

export interface PublicationOptions {
  /** Shown by `wvm ps`, and the source of a default name: the file as the user named it. */
  readonly program: string;
  /** Must be unique among the running machines. */
  readonly name?: string | undefined;
  /** What a free name is made of if none is given; the program's file name by default. */
  readonly defaultName?: string | undefined;
  /** Something went wrong that does not end the machine. */
  readonly onWarning?: ((error: WvmError) => void) | undefined;
  /** The machine is registered. */
  readonly onPublished?: ((id: string, name: string) => void) | undefined;
}

export class Publication {
  readonly #id: string;
  readonly #options: PublicationOptions;
  /** Where the machine is to be published; undefined if it cannot be. */
  #directory: string | undefined;
  #name: string;

  constructor(id: string, options: PublicationOptions) {
    if (options.name !== undefined) checkMachineName(options.name);
    this.#id = id;
    this.#options = options;
    this.#name = options.name ?? defaultMachineName(options.defaultName ?? options.program);
  }

  get name(): string {
    return this.#name;
  }

  /** Everything but the entry that makes the machine known. */
  async prepare(server: ControlServer): Promise<void> {
    try {
      const directory = openRegistryDirectory();
      this.#directory = directory;
      process.once('exit', this.#remove);
      await server.listen(socketPathOf(directory, this.#id));
      await this.#claimName(directory);
    } catch (cause) {
      this.#unpublished(cause);
    }
  }

  async #claimName(directory: string): Promise<void> {
    const holder = await claimName(directory, this.#name, this.#id);
    if (holder === undefined) return;
    if (this.#options.name !== undefined) {
      throw new WvmError('WVM_NAME_TAKEN', `--name: machine ${holder} has the name '${this.#name}' already`, {
        hint: 'choose another name, or end that machine with wvm kill',
      });
    }
    this.#name = `${this.#name}-${this.#id}`;
    await claimName(directory, this.#name, this.#id);
  }

  publish(startedAtMs: number): void {
    if (this.#directory === undefined) return;
    const { program, onPublished } = this.#options;
    try {
      writeEntry(this.#directory, { id: this.#id, name: this.#name, pid: process.pid, program, startedAtMs });
    } catch (cause) {
      this.#unpublished(cause);
      return;
    }
    onPublished?.(this.#id, this.#name);
  }

  withdraw(): void {
    process.removeListener('exit', this.#remove);
    this.#remove();
  }

  #remove = (): void => {
    if (this.#directory !== undefined) removeEntry(this.#directory, this.#id, this.#name);
    this.#directory = undefined;
  };

  /** A registry that cannot be used costs `wvm ps`, not the run; a name that the user gave is an order. */
  #unpublished(cause: unknown): void {
    this.#remove();
    if (this.#options.name !== undefined) throw cause;
    const message = `this machine is not listed by wvm ps: ${cause instanceof Error ? cause.message : cause}`;
    this.#options.onWarning?.(new WvmError('WVM_FILE', message, { cause }));
  }
}
