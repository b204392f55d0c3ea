// wvm cache: shows or clears the cache of instrumented modules.

import type { Command } from 'commander';
import { clearModuleCache, describeModuleCache } from '../index.ts';
import { formatSize } from './quantities.ts';
import { toJson } from './report.ts';
import { stdoutFd, writeText } from './terminal.ts';

interface CacheFlags {
  readonly cacheDir?: string;
  readonly json?: true;
}

export function define(command: Command): void {
  command
    .description(
      'Show or clear the cache of prepared modules. Clearing it costs the next start of each program some time.',
    )
    .argument('[action]', 'info or clear', 'info')
    .option('--cache-dir <dir>', 'the cache of this directory')
    .option('--json', 'print as JSON')
    .addHelpText('after', '\nExamples:\n  wvm cache\n  wvm cache clear')
    .action(cache);
}

async function cache(action: string, flags: CacheFlags, command: Command): Promise<void> {
  if (action !== 'info' && action !== 'clear') command.error(`error: cache: no action '${action}'`);
  const content = action === 'clear' ? clearModuleCache(flags.cacheDir) : describeModuleCache(flags.cacheDir);
  if (flags.json) {
    writeText(stdoutFd, `${toJson(content)}\n`);
    return;
  }
  const { directory, entryCount, sizeBytes } = content;
  const verb = action === 'clear' ? 'removed ' : '';
  writeText(stdoutFd, `${directory ?? 'no cache'}: ${verb}${entryCount} modules, ${formatSize(sizeBytes)}\n`);
}
