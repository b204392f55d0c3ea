// How a function spends its fuel: in the global, or in a local that is synced around calls.

import type { ByteWriter } from '../base/bytes.ts';
import { Op } from '../wasm/opcodes.ts';
import type { FuelMode } from './analysis.ts';

export class Fuel {
  readonly w: ByteWriter;
  readonly mode: FuelMode;
  readonly fuelGlobal: number;
  /** Holds the fuel, or what is computed of it. */
  local = -1;

  constructor(w: ByteWriter, mode: FuelMode, fuelGlobal: number) {
    this.w = w;
    this.mode = mode;
    this.fuelGlobal = fuelGlobal;
  }

  /** After a call; nothing unless the fuel is in a local. */
  load(): void {
    if (this.mode !== 'local') return;
    this.w.u8(Op.global_get);
    this.w.u32(this.fuelGlobal);
    this.w.u8(Op.local_set);
    this.w.u32(this.local);
  }

  /** Before a call. */
  store(): void {
    if (this.mode !== 'local') return;
    this.w.u8(Op.local_get);
    this.w.u32(this.local);
    this.w.u8(Op.global_set);
    this.w.u32(this.fuelGlobal);
  }

  /**
   * Spends one unit of fuel and leaves on the stack whether that was the last. Compared with 0 the difference needs no
   * instruction of its own; compared with less than 0 it does.
   */
  spend(): void {
    const { w, fuelGlobal } = this;
    const isLocal = this.mode === 'local';
    w.u8(isLocal ? Op.local_get : Op.global_get);
    w.u32(isLocal ? this.local : fuelGlobal);
    w.u8(Op.i32_const);
    w.s32(1);
    w.u8(Op.i32_sub);
    w.u8(Op.local_tee);
    w.u32(this.local);
    if (!isLocal) {
      w.u8(Op.global_set);
      w.u32(fuelGlobal);
      w.u8(Op.local_get);
      w.u32(this.local);
    }
    w.u8(Op.i32_eqz);
  }
}
