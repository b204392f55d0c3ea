// From the host's file types to WASI's: the numbers are the same, but WASI has no pipes.

import { Filetype } from '../../abi/wasi-preview1.ts';

export function wasiFiletype(hostType: number): number {
  return hostType > Filetype.SYMBOLIC_LINK ? Filetype.UNKNOWN : hostType;
}
