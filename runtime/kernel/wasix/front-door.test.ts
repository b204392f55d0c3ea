import { describe, expect, it } from 'vitest';
import { Errno } from '../../../abi/errno.ts';
import { IMPORTS } from '../../../abi/imports.ts';
import { WASIX_ALIASES, WASIX_FUNCTIONS } from '../../../abi/wasix.ts';
import { SnapshotWanted } from '../blocked.ts';
import { Fixture, RESULT } from '../testing/fixture.ts';
import { createDoors, unsupportedCalls } from './front-door.ts';

function doors() {
  const { kernel } = new Fixture();
  return createDoors(kernel, kernel.init);
}

describe('createDoors()', () => {
  it('finds every function of every namespace, and no other', () => {
    const found = doors();
    for (const [module, functions] of IMPORTS) {
      for (const name of Object.keys(functions))
        expect(found.find(module, name), `${module}.${name}`).toBeTypeOf('function');
    }
    expect(found.find('wasix_32v1', 'toString')).toBeUndefined();
    expect(found.find('wasi_unstable', 'sock_accept')).toBeUndefined();
    expect(found.find('env', 'fd_write')).toBeUndefined();
  });

  it('a preview1 call is the same under both names', () => {
    const fixture = new Fixture();
    const found = createDoors(fixture.kernel, fixture.kernel.init);
    for (const module of ['wasi_snapshot_preview1', 'wasix_32v1']) {
      expect(found.find(module, 'clock_time_get')!(0, 0n, RESULT)).toBe(Errno.ESUCCESS);
      expect(found.find(module, 'clock_time_get')!(99, 0n, RESULT)).toBe(Errno.EINVAL);
    }
  });

  it('what nobody implements answers ENOSYS', () => {
    expect(doors().find('wasix_32v1', 'port_mac')!(RESULT)).toBe(Errno.ENOSYS);
  });

  it('snapshot asks the engine', () => {
    expect(doors().find('wvm', 'snapshot')!()).toBeInstanceOf(SnapshotWanted);
  });
});

describe('unsupportedCalls()', () => {
  it('of the tables only fibers, the network, dynamic linking and setting the clock are missing', () => {
    for (const module of ['wasi_snapshot_preview1', 'wasi_unstable', 'wasi', 'wvm']) {
      const own = unsupportedCalls(module).filter((name) => !Object.hasOwn(WASIX_FUNCTIONS, name));
      expect(
        own.filter((name) => !Object.hasOwn(WASIX_ALIASES, name)),
        module,
      ).toEqual([]);
    }
    const families = /^(sock_|port_|dl|closure_)|^(resolve|call_dynamic|reflect_signature|clock_time_set)$/;
    expect(unsupportedCalls('wasix_32v1').filter((name) => !families.test(name))).toEqual([]);
  });
});
