import { describe, expect, it } from 'vitest';
import { signatureOf } from './imports.ts';
import { WASIX_FUNCTIONS } from './wasix.ts';

const core = (module: string, name: string): string => {
  const { params, results } = signatureOf(module, name)!;
  return `(${params.join(' ')}) -> (${results.join(' ')})`;
};

describe('signatureOf()', () => {
  it('WASIX adds 91 functions to the 46 of preview1', () => {
    expect(Object.keys(WASIX_FUNCTIONS)).toHaveLength(91);
  });

  it.each([
    ['proc_exec', '(i32 i32 i32 i32) -> ()'],
    ['proc_exec3', '(i32 i32 i32 i32 i32 i32 i32 i32 i32) -> (i32)'],
    ['proc_spawn', '(i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32) -> (i32)'],
    ['proc_spawn2', '(i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32) -> (i32)'],
    ['path_open2', '(i32 i32 i32 i32 i32 i64 i64 i32 i32 i32) -> (i32)'],
    ['proc_raise_interval', '(i32 i64 i32) -> (i32)'],
    ['epoll_wait', '(i32 i32 i32 i64 i32) -> (i32)'],
    ['stack_restore', '(i32 i64) -> ()'],
    ['sock_recv_from', '(i32 i32 i32 i32 i32 i32 i32) -> (i32)'],
    ['closure_prepare', '(i32 i32 i32 i32 i32 i32 i32) -> (i32)'],
    ['dlopen', '(i32 i32 i32 i32 i32 i32 i32 i32) -> (i32)'],
    ['sock_accept', '(i32 i32 i32 i32) -> (i32)'],
    ['thread_spawn', '(i32 i32) -> (i32)'],
    ['fd_write', '(i32 i32 i32 i32) -> (i32)'],
  ])('wasix_32v1.%s is %s', (name, type) => expect(core('wasix_32v1', name)).toBe(type));

  it('both WASI namespaces have all names; sock_accept is the one of the namespace', () => {
    expect(signatureOf('wasi_snapshot_preview1', 'proc_fork')).toBe(signatureOf('wasix_32v1', 'proc_fork'));
    expect(core('wasi_snapshot_preview1', 'sock_accept')).toBe('(i32 i32 i32) -> (i32)');
  });

  it('no function is found under a name of Object.prototype, or in an unknown namespace', () => {
    expect(signatureOf('wvm', 'toString')).toBeUndefined();
    expect(signatureOf('__proto__', 'fd_write')).toBeUndefined();
    expect(signatureOf('env', 'fd_write')).toBeUndefined();
  });
});
