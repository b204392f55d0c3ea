// The shell and its tools: what people type, undisturbed and saved and resumed at places spread over the run.

import { describe, expect, it } from 'vitest';
import { type Guest, guestNamed, guests } from '../../guest/manifest.ts';
import { runDisturbed, runStraight, withDirectory } from './modes.ts';

const tools = Object.fromEntries(
  guests.filter(({ kind }) => kind === 'tool').map(({ name, file }) => [name.replace('tool/', ''), file]),
);

function shell(text: string, ...parameters: string[]): Guest {
  return { ...guestNamed('tool/shell'), args: ['-c', text, ...parameters], programs: tools, devices: '/dev' };
}

async function run(text: string, ...parameters: string[]): Promise<{ stdout: string; stderr: string; code: number }> {
  const { stdout, stderr, exit } = await withDirectory((directory) =>
    runStraight(shell(text, ...parameters), directory),
  );
  if (exit.kind !== 'exit') throw new Error(`the shell ended with ${JSON.stringify(exit)}`);
  return { stdout, stderr, code: exit.code };
}

describe('the shell', () => {
  it.each([
    ['words and quotes', `X='a  b'; echo $X "$X" '$X' \\$X "\${X}c" a"b"'c'`, 'a b a  b $X $X a  bc abc\n'],
    ['parameters', 'echo $# $1 "$@"', '2 p p q r\n'],
    ['conditions', 'false && echo 1 || echo 2; true && echo 3; ! true || echo 4; false; echo $?', '2\n3\n4\n1\n'],
    ['pipelines', 'seq 20 | grep 1 | sort -rn | cat | wc -l; echo $?', '11\n0\n'],
    ['redirections', 'echo a > f; echo b >> f; cat < f; wc -c f > g; cat g no 2>&1 > h | wc -l; cat h', 'a\nb\n1\n4\n'],
    ['directories', 'cd /; pwd; cd no 2> err; echo $?; wc -l err', '/\n1\n1\n'],
    ['tests', '[ a = a ] && test 2 -lt 10 && [ ! -f no ] && echo yes', 'yes\n'],
    [
      'jobs',
      'sleep 100 & sleep 100 | cat & jobs; kill %1 %2; wait $!; echo $?',
      '[1] running  sleep 100\n[2] running  sleep 100 | cat\n143\n',
    ],
    ['signals', 'sleep 100 & kill -KILL $!; wait $!; echo $?; yes | grep -q y; echo $?', '137\n0\n'],
    ['scripts', `echo 'echo $0 $1; exit 3' > script; ./script x; echo $?; shell script y`, './script x\n3\nscript y\n'],
    ['devices', 'cat no > /dev/null 2>&1; echo $?; echo a b | tee /dev/stderr 2>/dev/null | wc -w', '1\n2\n'],
    ['descriptors as files', 'seq 3 | cat /dev/stdin; echo x > /dev/fd/1; cat < /dev/null', '1\n2\n3\nx\n'],
    ['redirections of exec', 'exec > f 2>&1; echo kept; exec < f; cat > g; exec > /dev/fd/2', ''],
    ['exec', 'X=1; exec seq 2', '1\n2\n'],
    [
      'nice values',
      'nice; nice nice; nice -n 5 nice nice -n-8 nice; nice -n 99 seq 2 | nice -n 1 cat',
      '0\n10\n7\n1\n2\n',
    ],
    ['and and or in the background', 'false || echo in >f & wait; cat f', 'in\n'],
  ])('%s', async (_name, text, stdout) => {
    const result = await run(text, 'p', 'q r');
    expect(result.stderr).toBe('');
    expect(result.stdout).toBe(stdout);
  });

  it('says what is wrong, and goes on', async () => {
    expect(await run('nothing-like-it; echo $?')).toEqual({
      stdout: '127\n',
      stderr: 'shell: nothing-like-it: not found\n',
      code: 0,
    });
    expect(await run('echo a | | b')).toEqual({ stdout: '', stderr: 'shell: syntax: a command is missing\n', code: 0 });
    expect((await run('exit 7')).code).toBe(7);
  });

  it('a pipeline with a background job, saved and resumed at every thirtieth place', { timeout: 120_000 }, async () => {
    const text =
      'seq 40 | sort -rn | grep 3 | tee f /dev/null | wc -l > g & seq 12 | grep -v 1 | cat; wait; cat g; wc -c f';
    const guest = shell(text);
    const straight = await withDirectory((directory) => runStraight(guest, directory));
    expect(straight.stdout).toBe('2\n3\n4\n5\n6\n7\n8\n9\n13\n38\n');
    const disturbed = await withDirectory((directory) =>
      runDisturbed(guest, directory, { picks: (place) => place % 30 === 2, compareEvery: 5 }),
    );
    expect(disturbed.stdout).toBe(straight.stdout);
    expect(disturbed.exit).toEqual(straight.exit);
    expect(disturbed.files).toEqual(straight.files);
    expect(disturbed.points).toBeGreaterThan(20);
  });
});
