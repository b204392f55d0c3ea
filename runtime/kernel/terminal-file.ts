// /dev/tty: the terminal that the machine's standard streams are connected to, whatever the process has made of its own. Reading
// takes from stdin, writing goes to the first output that is the terminal. A resumed machine has the streams that it is given.

import type { WaitFor } from './blocked.ts';
import type { FateTable } from './fate.ts';
import { OpenFile, type Readiness } from './open-file.ts';
import type { DeviceFileState } from './open-file-state.ts';
import type { HostStat } from './ports.ts';
import { StreamFile } from './stream-file.ts';
import type { Terminal } from './terminal.ts';

const STDIN = 0;
const STDOUT = 1;
const STDERR = 2;

export class TerminalFile extends OpenFile {
  static readonly fates: FateTable = {
    refs: 'derived',
    flags: 'saved',
    canRead: 'saved',
    canWrite: 'saved',
    input: 'derived',
    output: 'derived',
  };

  /** Derived: the streams are the machine's. */
  readonly input: StreamFile;
  readonly output: StreamFile;

  constructor(terminal: Terminal, flags: number, canRead: boolean, canWrite: boolean) {
    super(flags, canRead, canWrite);
    const output = !terminal.isTerminal(STDOUT) && terminal.isTerminal(STDERR) ? STDERR : STDOUT;
    this.input = new StreamFile(STDIN, terminal.streams[STDIN]!, flags, canRead, false);
    this.output = new StreamFile(output, terminal.streams[output]!, flags, false, canWrite);
  }

  override get isStream(): boolean {
    return true;
  }

  override get writesAll(): boolean {
    return true;
  }

  override get readEdges(): number {
    return this.input.readEdges;
  }

  override get writeEdges(): number {
    return this.output.writeEdges;
  }

  override get filetype(): number {
    return this.input.filetype;
  }

  override stat(): HostStat {
    return this.input.stat();
  }

  override close(): void {}

  override read(target: Uint8Array): number {
    return this.input.read(target);
  }

  override write(source: Uint8Array): number {
    return this.output.write(source);
  }

  override readReadiness(): Readiness | undefined {
    return this.input.readReadiness();
  }

  override writeReadiness(): Readiness | undefined {
    return this.output.writeReadiness();
  }

  override readWait(): WaitFor {
    return this.input.readWait();
  }

  override writeWait(): WaitFor {
    return this.output.writeWait();
  }

  override save(): DeviceFileState {
    const { flags, canRead, canWrite } = this;
    return { kind: 'device', flags, canRead, canWrite, device: 'tty' };
  }
}
