// Running machines seen from another process: find one by what the user typed, list all, end one.

import { setTimeout as sleep } from 'node:timers/promises';
import { WvmError } from '../../base/wvm-error.ts';
import { ControlClient } from './control-client.ts';
import type { MachineInfo } from './control-protocol.ts';
import {
  findMachine,
  isListening,
  listMachines,
  type MachineEntry,
  openRegistryDirectory,
  removeEntry,
  socketPathOf,
} from './registry.ts';

/** A machine that says nothing for this long is listed as unresponsive: stopped by job control, or very busy. */
const infoTimeoutMs = 1_000;
/** A clean end takes one fuel slice; saving a last snapshot may take longer. */
const endTimeoutMs = 30_000;

/** Connects to the one machine that `query` names: a name, an id, the beginning of an id, or a pid. */
export async function connectMachine(query: string): Promise<ControlClient> {
  const directory = openRegistryDirectory();
  const entry = await findMachine(directory, query);
  return await ControlClient.connect(socketPathOf(directory, entry.id));
}

/** Every running machine of this user, oldest first. */
export async function describeMachines(): Promise<MachineInfo[]> {
  const directory = openRegistryDirectory();
  const entries = await listMachines(directory);
  const described = await Promise.all(entries.map((entry) => describeMachine(directory, entry)));
  return described.filter((info) => info !== undefined);
}

/** Ends the machine as that host signal would, and waits until it has ended; resolves with its id. */
export async function killMachine(query: string, signal: string): Promise<string> {
  const directory = openRegistryDirectory();
  const entry = await findMachine(directory, query);
  const socketPath = socketPathOf(directory, entry.id);
  if (signal === 'SIGKILL') {
    // Not through the socket: this is for machines that do not answer.
    process.kill(entry.pid, 'SIGKILL');
  } else {
    const client = await ControlClient.connect(socketPath);
    await client.kill(signal);
    client.close();
  }
  const deadline = Date.now() + endTimeoutMs;
  while (await isListening(socketPath)) {
    if (Date.now() > deadline) {
      throw new WvmError('WVM_LIMIT', `kill: machine ${entry.id} has not ended within ${endTimeoutMs / 1000} s`, {
        hint: `wvm kill -s KILL ${entry.id} does not wait for it`,
      });
    }
    await sleep(5);
  }
  if (signal === 'SIGKILL') removeEntry(directory, entry.id, entry.name);
  return entry.id;
}

/** Undefined if the machine ended meanwhile. */
async function describeMachine(directory: string, entry: MachineEntry): Promise<MachineInfo | undefined> {
  const socketPath = socketPathOf(directory, entry.id);
  let client: ControlClient | undefined;
  try {
    client = await ControlClient.connect(socketPath, { timeoutMs: infoTimeoutMs });
    return await client.info({ timeoutMs: infoTimeoutMs });
  } catch (error) {
    if (!(error instanceof WvmError)) throw error;
    if (!(await isListening(socketPath))) return undefined;
    return { ...entry, state: 'unresponsive', memoryBytes: 0, fuelUsed: '0' };
  } finally {
    client?.close();
  }
}
