// `--trace` and `--trace=FILE`: options whose value may be left out. Commander's own optional values would also take
// the next word, which is the program here. So such an option is declared twice, `--trace` and a hidden
// `--trace-file FILE`, and `--trace=FILE` is rewritten to the second before commander sees it.

import { type Command, Option } from 'commander';

/** Declares `flag` ("--trace") with an optional value; options.X is true, options.XFile the value. */
export function addOptionalValue(command: Command, flag: string, description: string): void {
  command.option(flag, description);
  command.addOption(new Option(`${flag}-file <file>`).hideHelp());
}

/** Rewrites the options before the program; what comes after it belongs to the guest. */
export function rewriteOptionalValues(command: Command, args: readonly string[]): string[] {
  const ownCount = countOwn(command, args);
  return args.map((word, index) => {
    const separator = word.indexOf('=');
    if (index >= ownCount || separator < 0) return word;
    const flag = word.slice(0, separator);
    const hasTwin = command.options.some((option) => option.long === `${flag}-file` && option.hidden);
    return hasTwin ? `${flag}-file${word.slice(separator)}` : word;
  });
}

/** Where --json wants the result: a file, true for stderr, undefined if it was not given. For errors of parsing. */
export function jsonTarget(command: Command, args: readonly string[]): string | true | undefined {
  const own = args.slice(0, countOwn(command, args));
  const file = own.find((word) => word.startsWith('--json-file='))?.slice('--json-file='.length);
  return file || (own.includes('--json') ? true : undefined);
}

/** How many words at the beginning are wvm's; all of them where a command gives none to a guest. */
function countOwn(command: Command, args: readonly string[]): number {
  if (!command.registeredArguments.some((argument) => argument.variadic)) return args.length;
  for (let index = 0; index < args.length; index++) {
    const word = args[index]!;
    if (word === '--' || !word.startsWith('-')) return index;
    const option = command.options.find((candidate) => candidate.long === word || candidate.short === word);
    if (option?.required) index++; // Its value is the next word.
  }
  return args.length;
}
