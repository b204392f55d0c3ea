// Loads CommonJS files that belong together, with what V8 compiled of them in an earlier process.
//
// Node's own cache of compiled JavaScript (enableCompileCache) holds what is compiled when a file is loaded; the hundreds of
// functions that are called later are compiled again at each start. This one is written at the end of a process and has them.
//
// - The build has put what a short run compiles beside each file (precompile.ts), for the Node it was made with: the first start is fast too.
// - An entry is named after file, inode, size and times of the file and the version of Node. It is synced and renamed, so that it is
//   whole or not there. V8 rejects one of another V8 or of other flags, and then it is written anew.
// - Whoever can write here can run code in the user's name: the directory must belong to us and be writable by nobody else.
// - keep() reads what is not loaded yet: a machine may outlive the files of its wvm, which somebody replaces or removes.
// - Such a file cannot call import(): Node has that only as an experiment.
// - Nothing here can fail a start: what goes wrong is a file compiled anew.

import * as fs from 'node:fs';
import { createRequire } from 'node:module';
import * as path from 'node:path';
import { Script } from 'node:vm';

type Exports = Record<string, unknown>;
type Wrapper = (
  exports: Exports,
  require: (id: string) => unknown,
  module: { exports: Exports },
  filename: string,
  dirname: string,
) => void;

interface Content {
  readonly source: Buffer;
  readonly entry: string | undefined;
  readonly cachedData: Buffer | undefined;
}

/** A month: longer than most versions of wvm are used. */
const KEPT_MS = 30 * 24 * 3_600_000;

export class CodeCache {
  readonly #directory: string | undefined;
  readonly #modules: Map<string, { exports: Exports }> = new Map();
  readonly #kept: Map<string, Content> = new Map();
  readonly #fresh: { readonly script: Script; readonly entry: string }[] = [];

  /** `directory` undefined: none. It is made if it is not there, and used from the next process on. */
  constructor(directory: string | undefined) {
    this.#directory = directory === undefined ? undefined : usable(directory);
  }

  /** What the file exports. What it requires by a relative path is loaded the same way. */
  load(file: string): Exports {
    const known = this.#modules.get(file);
    if (known !== undefined) return known.exports;
    const module: { exports: Exports } = { exports: {} };
    this.#modules.set(file, module);
    const dirname = path.dirname(file);
    const requireElse = createRequire(file);
    const require = (id: string): unknown =>
      id.startsWith('./') || id.startsWith('../') ? this.load(path.resolve(dirname, id)) : requireElse(id);
    this.#compile(file)(module.exports, require, module, file, dirname);
    return module.exports;
  }

  /** Whatever becomes of the folders of what has been loaded: what is loaded from there later is what is there now. */
  keep(): void {
    for (const directory of new Set([...this.#modules.keys()].map((file) => path.dirname(file)))) {
      for (const name of fs.readdirSync(directory)) {
        const file = path.join(directory, name);
        if (name.endsWith('.js') && !this.#modules.has(file)) this.#kept.set(file, this.#read(file));
      }
    }
  }

  /** Keeps what has been compiled by now of the files that came without an entry. */
  write(): void {
    for (const { script, entry } of this.#fresh.splice(0)) {
      const temporary = `${entry}.${process.pid}.tmp`;
      try {
        const fd = fs.openSync(temporary, 'wx', 0o600);
        try {
          fs.writeFileSync(fd, script.createCachedData());
          fs.fsyncSync(fd);
        } finally {
          fs.closeSync(fd);
        }
        fs.renameSync(temporary, entry);
        removeOld(path.dirname(entry));
      } catch {
        fs.rmSync(temporary, { force: true });
      }
    }
  }

  #read(file: string): Content {
    const entry = this.#directory === undefined ? undefined : entryOf(this.#directory, file);
    const cachedData = (entry === undefined ? undefined : readOrNothing(entry)) ?? readOrNothing(shippedEntryOf(file));
    return { source: fs.readFileSync(file), entry, cachedData };
  }

  #compile(file: string): Wrapper {
    const { source, entry, cachedData } = this.#kept.get(file) ?? this.#read(file);
    this.#kept.delete(file);
    const script = new Script(
      `(function (exports, require, module, __filename, __dirname) {${source.toString('utf8')}\n})`,
      { filename: file, ...(cachedData === undefined ? {} : { cachedData }) },
    );
    const isStale = cachedData === undefined || script.cachedDataRejected === true;
    if (entry !== undefined && isStale) this.#fresh.push({ script, entry });
    return script.runInThisContext() as Wrapper;
  }
}

/** Undefined if it cannot be used, or not yet. */
function usable(directory: string): string | undefined {
  try {
    const stat = fs.statSync(directory, { throwIfNoEntry: false });
    if (stat === undefined) fs.mkdirSync(directory, { recursive: true, mode: 0o700 });
    else if (process.getuid === undefined || (stat.uid === process.getuid() && (stat.mode & 0o022) === 0))
      return directory;
  } catch {
    // A home that cannot be written to.
  }
  return undefined;
}

/** Entries of files that were replaced; one that is still in use is written again. */
function removeOld(directory: string): void {
  for (const name of fs.readdirSync(directory)) {
    const entry = path.join(directory, name);
    const stat = fs.lstatSync(entry, { throwIfNoEntry: false });
    if (stat !== undefined && Date.now() - stat.mtimeMs > KEPT_MS) fs.rmSync(entry, { force: true });
  }
}

/** Of a file that was built together with its entry: who replaces the one replaces the other. */
export function shippedEntryOf(file: string): string {
  return `${file}.${process.version}-${process.arch}.code`;
}

export function entryOf(directory: string, file: string): string {
  const { ino, size, mtimeMs, ctimeMs } = fs.statSync(file);
  const name = [path.basename(file), ino, size, mtimeMs, ctimeMs, process.version].join('-');
  return path.join(directory, name);
}

function readOrNothing(file: string): Buffer | undefined {
  try {
    return fs.readFileSync(file);
  } catch {
    return undefined;
  }
}
