// wvm continue: lets a machine run that was resumed with --frozen.

import type { Command } from 'commander';
import { connectMachine } from '../index.ts';

export function define(command: Command): void {
  command
    .description('Let a machine run that was resumed with --frozen.')
    .argument('<machine>', 'id (or its beginning), name or pid')
    .addHelpText('after', '\nExamples:\n  wvm resume --frozen app.wvm &\n  wvm continue app')
    .action(async (query: string) => {
      const client = await connectMachine(query);
      await client.continue();
      client.close();
    });
}
