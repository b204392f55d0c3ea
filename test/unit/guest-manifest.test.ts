// The manifest of the guests and the files it names belong together.

import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { guests } from '../../guest/manifest.ts';
import { guestRoot } from '../../guest/toolchain.ts';

const MAX_MODULE_BYTES = 60 * 1024;

test('every guest has its sources, a valid module of less than 60 KB and an expected output', async () => {
  for (const guest of guests) {
    for (const source of guest.sources) expect((await stat(join(guestRoot, source))).isFile(), source).toBe(true);
    const module = await readFile(join(guestRoot, guest.file));
    expect(module.length, guest.file).toBeLessThan(MAX_MODULE_BYTES);
    expect(WebAssembly.validate(module), guest.file).toBe(true);
    // What a tool prints depends on what it is asked.
    if (guest.kind === 'tool') continue;
    const expected = await readFile(join(guestRoot, 'expected', `${guest.name}.txt`), 'utf8');
    if (guest.kind !== 'test') expect(expected, guest.name).toMatch(/^checksum 0x[0-9a-f]+\n$/);
    else if (guest.expected.kind === 'exit' && guest.expected.code === 0)
      expect(expected, guest.name).toMatch(/PASS\n$/);
    else expect(expected, guest.name).not.toMatch(/PASS|FAIL/);
  }
});

test('names are unique, and no built module or source of a guest is left out of the manifest', async () => {
  const names = guests.map((guest) => guest.name);
  expect(new Set(names).size).toBe(names.length);
  const files = (await readdir(join(guestRoot, 'built'), { recursive: true })).filter((file) => file.endsWith('.wasm'));
  expect(files.sort()).toEqual(guests.map((guest) => guest.file.replace(/^built\//, '')).sort());
  const sources = guests.flatMap((guest) => guest.sources);
  for (const folder of ['programs', 'tools', 'tools/shell', 'bench', 'polybench']) {
    for (const file of await readdir(join(guestRoot, folder))) {
      if (file.includes('.') && !file.endsWith('.h'))
        expect(sources, `${folder}/${file}`).toContain(`${folder}/${file}`);
    }
  }
});
