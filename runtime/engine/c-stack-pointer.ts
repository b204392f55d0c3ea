// Where a program compiled from C or a language like it keeps its stack pointer: signal handlers get a stack of their own below what
// they interrupt, and longjmp puts it back.

import { decodeConst } from '../wasm/const-expr.ts';
import { ValType } from '../wasm/module.ts';
import { globalNames } from '../wasm/names.ts';
import type { CompiledModule } from './compile.ts';

/** Of clang's frames. */
const C_STACK_ALIGNMENT = 16;

/** Index of the global in which wasm-ld keeps C's stack pointer; undefined if there is no such global. */
export function stackPointerOf({ original, map }: CompiledModule): number | undefined {
  if (map === undefined) return undefined;
  const isPointer = (index: number): boolean => {
    const type = original.allGlobals[index];
    return type?.mutable === true && type.type === ValType.i32;
  };
  const names = globalNames(original);
  for (const [index, name] of names) if (name === '__stack_pointer' && isPointer(index)) return index;
  const exported = original.exports.find(({ kind, name }) => kind === 'global' && name === '__stack_pointer');
  if (exported !== undefined) return isPointer(exported.index) ? exported.index : undefined;
  // Other compilers name their globals, too: the first may then be any variable of the program.
  if (names.size > 0) return undefined;
  // Stripped: wasm-ld puts it first, and it begins at the aligned end of the stack.
  if (!isPointer(0) || original.importedGlobalCount > 0) return undefined;
  const initial = decodeConst(original, original.globals[0]!.init);
  return initial.kind === 'i32' && initial.value > 0 && initial.value % C_STACK_ALIGNMENT === 0 ? 0 : undefined;
}
