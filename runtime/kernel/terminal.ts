// The terminal as WASIX sees it: one for the machine, what the standard streams are connected to. Its modes are the machine's and
// are set again at a resume; its size is that of the host's terminal, if there is one.

import type { FateTable } from './fate.ts';
import type { StreamPort } from './ports.ts';
import { checkBoolean, checkInteger, checkRecord } from './validate.ts';

export interface TerminalState {
  readonly columns: number;
  readonly rows: number;
  /** In pixels; 0: not known. */
  readonly width: number;
  readonly height: number;
  /** What is typed is shown. */
  readonly echo: boolean;
  /** Input comes line by line. */
  readonly lineBuffered: boolean;
  /** A line feed in the output also returns the carriage. */
  readonly lineFeeds: boolean;
}

/** What terminals have been since the VT100. */
const DEFAULT: TerminalState = {
  columns: 80,
  rows: 24,
  width: 0,
  height: 0,
  echo: true,
  lineBuffered: true,
  lineFeeds: true,
};
const SIZE_MAX: number = 2 ** 32 - 1;

export class Terminal {
  static readonly fates: FateTable = { streams: 'host', state: 'saved' };

  /** Host: the standard streams. */
  readonly streams: readonly StreamPort[];
  state: TerminalState;

  constructor(streams: readonly StreamPort[], state: TerminalState = DEFAULT) {
    this.streams = streams;
    this.state = state;
  }

  isTerminal(stream: number): boolean {
    return this.streams[stream]?.kind === 'tty';
  }

  /** The state with the size that the host's terminal has now. */
  get current(): TerminalState {
    for (const stream of this.streams) {
      const size = stream.kind === 'tty' ? stream.terminalSize?.() : undefined;
      if (size !== undefined) return { ...this.state, ...size };
    }
    return this.state;
  }

  set(state: TerminalState): void {
    this.state = state;
    this.apply();
  }

  /** Tells the host's terminal its mode: a host has one switch for both. */
  apply(): void {
    for (const stream of this.streams) {
      if (stream.kind === 'tty') stream.setRawMode?.(!this.state.lineBuffered || !this.state.echo);
    }
  }

  save(): TerminalState {
    return this.state;
  }

  static check(state: TerminalState, where: string): void {
    checkRecord(state, where);
    for (const name of ['columns', 'rows', 'width', 'height'] as const) {
      checkInteger(state[name], 0, SIZE_MAX, `${where}.${name}`);
    }
    for (const name of ['echo', 'lineBuffered', 'lineFeeds'] as const) checkBoolean(state[name], `${where}.${name}`);
  }

  static restore(streams: readonly StreamPort[], state: TerminalState): Terminal {
    const { columns, rows, width, height, echo, lineBuffered, lineFeeds } = state;
    const terminal = new Terminal(streams, { columns, rows, width, height, echo, lineBuffered, lineFeeds });
    const isChanged = terminal.isTerminal(0) && !(lineBuffered && echo);
    if (isChanged) terminal.apply();
    return terminal;
  }
}
