// wvm inspect: shows what is in an image.

import type { Command } from 'commander';
import { inspectImage, inspectTree, openImageFile, readModule, type TreeDescription, unseal } from '../index.ts';
import { type ImageDetails, imageText } from './image-text.ts';
import { addOptionalValue } from './optional-value.ts';
import { toJson } from './report.ts';
import { readUnsealKeys } from './seal-option.ts';
import { printable } from './store-option.ts';
import { stdoutFd, writeText } from './terminal.ts';
import { treeLines } from './tree-text.ts';

interface InspectFlags extends ImageDetails {
  readonly json?: true;
  readonly verify?: true;
  readonly verifyFile?: string;
  readonly key?: string;
  readonly tree?: true;
  readonly module?: string;
}

export function define(command: Command): void {
  command
    .description('Show what is in an image. Reads only what it needs.')
    .argument('<image>', 'a file of wvm snapshot, or - for stdin')
    .option('--tree', 'only the tree of processes: reads the beginning of the file, however large it is')
    .option('--frames', 'also the locals and operands of every frame')
    .option('--pages', 'also which stretches of memory are saved')
    .option('--features', 'also the features that the machine could have used')
    .option('--kernel', "also the kernel's records of files, clocks and waits")
    .option('--key <file>', 'the key of an encrypted image (or $WVM_KEY)')
    .option('--module <file>', 'take names from here, for an image made with --no-module')
    .option('--json', 'print everything as JSON')
    .addHelpText(
      'after',
      '\nExamples:\n  wvm inspect app.wvm\n  wvm inspect --frames app.wvm\n  wvm inspect --verify --json - < app.wvm',
    )
    .action(inspect);
  addOptionalValue(
    command,
    '--verify',
    'read all of it and compare every checksum; with --verify=FILE also its signature, with this Ed25519 key',
  );
}

async function inspect(image: string, flags: InspectFlags, command: Command): Promise<void> {
  const keys = readUnsealKeys({ key: flags.key, verify: flags.verifyFile });
  const source = image === '-' ? unseal(process.stdin, keys) : openImageFile(image, keys);
  if (flags.tree) {
    if (source !== image) command.error("error: '--tree' reads a file that is not sealed");
    const tree = await inspectTree(image);
    writeText(stdoutFd, flags.json ? `${toJson(tree, 2)}\n` : `${treeLines(tree.processes, processLine).join('\n')}\n`);
    return;
  }
  const module = flags.module === undefined ? undefined : await readModule(flags.module);
  const description = await inspectImage(source, {
    verify: flags.verify === true || flags.verifyFile !== undefined,
    // Of another module the names would be wrong: inspectImage compares the hash.
    ...(module === undefined ? {} : { modules: [module] }),
  });
  writeText(stdoutFd, flags.json ? `${toJson(description, 2)}\n` : imageText(description, flags));
}

function processLine({ pid, name, scheduling, tids }: TreeDescription['processes'][number]): string {
  const facts = [...(scheduling === '' ? [] : [scheduling]), ...(tids.length > 1 ? [`${tids.length} threads`] : [])];
  return `${pid} ${printable(name)}${facts.length > 0 ? `  (${printable(facts.join(', '))})` : ''}`;
}
