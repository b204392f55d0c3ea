#!/usr/bin/env -S node --
// The entry of the command line. It imports nothing before it has seen that this Node can parse the rest, and stays
// readable for old ones itself.
// The `--` above: Node takes an --env-file anywhere on its command line for its own, also one that is the guest's.

const oldestNode = 24;
/** A machine that runs for so long may outlive the files of its wvm. */
const keepAfterMs = 20;

if (Number(process.versions.node.split('.')[0]) < oldestNode) {
  process.stderr.write(
    `wvm: needs Node ${oldestNode} or newer, and this is ${process.version}\n` +
      '  hint: in a checkout `npx wvm …` picks the right one; elsewhere `npx -p node@26 -p wvm wvm …` brings one along\n',
  );
  process.exitCode = 2;
} else {
  void start();
}

async function start(): Promise<void> {
  const { openCodeCache } = await import('./compile-cache.ts');
  // What is imported from here on, the bundled command line loads through it (rolldown.config.ts).
  const cache = openCodeCache();
  process.once('exit', () => cache.write());
  // `run` may do without.
  if (process.argv[2] === 'resume') (await import('./thread.ts')).guestThread();
  const { main } = await import('./program.ts');
  if (process.argv[2] === 'run' || process.argv[2] === 'resume') setTimeout(() => cache.keep(), keepAfterMs).unref();
  await main(process.argv.slice(2));
}
