// Reads the WASI test suite (doc/specification.md of wasi-testsuite): every `.wasm` file is a test; the `.json` file
// beside it, if there is one, says how to run it and what to expect.
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { basename, dirname, join, relative } from 'node:path';

export interface WasiTest {
  /** Language and test, for example `rust/path_link`. */
  readonly name: string;
  readonly modulePath: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** Directory to give the guest as `/`, in a fresh copy. */
  readonly root: string | undefined;
  readonly exitCode: number;
  /** Exact output to expect; undefined: anything. */
  readonly stdout: string | undefined;
  readonly stderr: string | undefined;
}

interface TestSpecification {
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly root?: string | null;
  /** The older form of `root`. */
  readonly dirs?: readonly string[];
  readonly exit_code?: number;
  readonly stdout?: string;
  readonly stderr?: string;
  readonly operations?: readonly unknown[];
}

/** All preview1 tests below `folder`, in the order of their names. */
export function findWasiTests(folder: string): WasiTest[] {
  const tests: WasiTest[] = [];
  const visit = (directory: string): void => {
    const entries = readdirSync(directory, { withFileTypes: true });
    for (const entry of entries) {
      const path = join(directory, entry.name);
      if (entry.isDirectory()) visit(path);
      else if (entry.name.endsWith('.wasm') && isPreview1(directory)) tests.push(readTest(path, folder));
    }
  };
  visit(folder);
  return tests.sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** Suites of other WASI versions and of proposals name themselves in `manifest.json` (or, the oldest, not at all). */
function isPreview1(directory: string): boolean {
  const manifest = join(directory, 'manifest.json');
  if (!existsSync(manifest)) return false;
  const { version, name } = JSON.parse(readFileSync(manifest, 'utf8')) as { version?: string; name?: string };
  return version === undefined ? !/proposal/i.test(name ?? '') : version === 'wasm32-wasip1';
}

function readTest(modulePath: string, folder: string): WasiTest {
  const specificationPath = modulePath.replace(/\.wasm$/, '.json');
  const specification: TestSpecification = existsSync(specificationPath)
    ? (JSON.parse(readFileSync(specificationPath, 'utf8')) as TestSpecification)
    : {};
  if (specification.operations !== undefined) throw new Error(`${specificationPath}: operations are not supported`);
  const directory = dirname(modulePath);
  const root = specification.root ?? specification.dirs?.[0];
  if (root !== undefined && !statSync(join(directory, root)).isDirectory()) throw new Error(`${root}: no directory`);
  const [language = ''] = relative(folder, modulePath)
    .replace(/^tests\//, '')
    .split('/');
  return {
    name: `${language}/${basename(modulePath, '.wasm')}`,
    modulePath,
    args: specification.args ?? [],
    env: specification.env ?? {},
    root: root === undefined ? undefined : join(directory, root),
    exitCode: specification.exit_code ?? 0,
    stdout: specification.stdout,
    stderr: specification.stderr,
  };
}
