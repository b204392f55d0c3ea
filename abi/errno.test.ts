import { describe, expect, it } from 'vitest';
import { Errno, errnoFromLinux, errnoName, errnoToLinux, LinuxErrno } from './errno.ts';

describe('Errno', () => {
  it('numbers run from 0 to 76 in the order of the table', () => {
    expect(Object.values(Errno)).toEqual(Array.from({ length: 77 }, (_, index) => index));
    expect(errnoName(44)).toBe('ENOENT');
    expect(errnoName(77)).toBeUndefined();
  });

  it('every name but ENOTCAPABLE has one Linux number, and the mapping returns', () => {
    expect(new Set(Object.values(LinuxErrno)).size).toBe(76);
    for (const [name, linux] of Object.entries(LinuxErrno)) {
      expect(errnoFromLinux(linux)).toBe(Errno[name as keyof typeof LinuxErrno]);
      expect(errnoToLinux(errnoFromLinux(linux))).toBe(linux);
    }
    expect(errnoToLinux(Errno.ENOTCAPABLE)).toBe(LinuxErrno.EPERM);
    expect(errnoFromLinux(9999)).toBe(Errno.EIO);
  });
});
