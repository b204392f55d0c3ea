// Sources of the real programs, fetched once into the cache through the ordinary clients of their registries and checked
// by digest: packages of npm by `npm pack`, sources of Debian by `apt-get source` with a list of its own, so that the
// machine's configuration stays as it is.

import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

export interface Source {
  registry: 'npm' | 'debian';
  /** npm: the package; debian: the source package. */
  package: string;
  version: string;
  /** The archive that the registry's client leaves behind. */
  archive: string;
  sha256: string;
}

const DEBIAN_MIRROR = 'http://deb.debian.org/debian';
const DEBIAN_SUITE = 'bookworm';

/** The folder with the unpacked source; its archive's own top folder is left out. */
export async function fetchSource(source: Source, cacheFolder: string): Promise<string> {
  const folder = join(cacheFolder, 'sources', `${source.package.replace('/', '+')}-${source.version}`);
  if (await exists(folder)) return folder;
  const downloads = join(cacheFolder, 'downloads');
  await mkdir(downloads, { recursive: true });
  const archive = join(downloads, source.archive);
  if (!(await exists(archive))) await (source.registry === 'npm' ? packNpm : downloadDebian)(source, downloads);
  const digest = createHash('sha256')
    .update(await readFile(archive))
    .digest('hex');
  if (digest !== source.sha256) {
    await rm(archive);
    throw new Error(`${source.archive}: sha256 is ${digest}, expected ${source.sha256}`);
  }
  const partial = `${folder}.partial`;
  await rm(partial, { recursive: true, force: true });
  await mkdir(partial, { recursive: true });
  await run('tar', ['xf', archive, '--strip-components=1', '-C', partial]);
  await rename(partial, folder);
  return folder;
}

async function packNpm(source: Source, folder: string): Promise<void> {
  await run('npm', ['pack', '--silent', `${source.package}@${source.version}`], { cwd: folder });
}

async function downloadDebian(source: Source, folder: string): Promise<void> {
  const state = join(folder, 'apt');
  const list = join(state, 'sources.list');
  await mkdir(join(state, 'lists/partial'), { recursive: true });
  await mkdir(join(state, 'cache/archives/partial'), { recursive: true });
  await writeFile(list, `deb-src ${DEBIAN_MIRROR} ${DEBIAN_SUITE} main\n`);
  const options = [
    `Dir::Etc::sourcelist=${list}`,
    'Dir::Etc::sourceparts=-',
    `Dir::State::lists=${join(state, 'lists')}`,
    `Dir::Cache=${join(state, 'cache')}`,
    'APT::Sandbox::User=root',
  ].flatMap((option) => ['-o', option]);
  await run('apt-get', [...options, '-qq', 'update']);
  const wanted = `${source.package}=${source.version}`;
  await run('apt-get', [...options, '-qq', 'source', '--download-only', '--tar-only', wanted], { cwd: folder });
}

async function exists(path: string): Promise<boolean> {
  return await stat(path).then(
    () => true,
    () => false,
  );
}
