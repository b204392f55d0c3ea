import { expect, test } from 'vitest';
import { exitCodeOfSignal, parseSignal, parseSnapshotEvents, stopSignals } from './signals.ts';

test('parseSignal() reads every usual spelling', () => {
  expect(['TERM', 'SIGTERM', 'term', 'sigterm'].map(parseSignal)).toEqual(Array(4).fill('SIGTERM'));
  expect(['', 'SIG', 'FOO', '15', 'constructor'].map(parseSignal)).toEqual(Array(5).fill(undefined));
});

test('exitCodeOfSignal() is what shells show', () => {
  expect(stopSignals.map(exitCodeOfSignal)).toEqual([130, 143, 129]);
});

test('parseSnapshotEvents() separates signals from the end', () => {
  expect(parseSnapshotEvents('SIGUSR2,exit')).toEqual({ signals: ['SIGUSR2'], atEnd: true });
  expect(parseSnapshotEvents('usr2, quit,USR2')).toEqual({ signals: ['SIGUSR2', 'SIGQUIT'], atEnd: false });
});

test.each([
  ['SIGUSR1', /inspector/],
  ['INT', /stops the machine/],
  ['SIGTERM,exit', /stops the machine/],
  ['SIGKILL', /cannot ask/],
  ['SIGCONT', /cannot ask/],
  ['SIGSEGV', /cannot ask/],
  ['', /'' is not an event/],
  ['exit,', /'' is not an event/],
  ['often', /'often' is not an event/],
])('parseSnapshotEvents() refuses %j by name', (text, message) => {
  expect(() => parseSnapshotEvents(text)).toThrow(message);
});
