// A test script of the WebAssembly specification as plain data: what is left of a `.wast` file or of a folder that
// wast2json made once it is read. Module names are `$`-names; `undefined` means the module instantiated last.
import type { Expected, Value } from './value.ts';

export type ModuleSource =
  /** Text of a well-formed module; only its validity is in question. */
  | { readonly form: 'text'; readonly text: string }
  | { readonly form: 'binary'; readonly bytes: Uint8Array }
  /** Text that need be neither UTF-8 nor syntactically correct. */
  | { readonly form: 'quote'; readonly bytes: Uint8Array };

export type Action =
  | {
      readonly kind: 'invoke';
      readonly module: string | undefined;
      readonly name: string;
      readonly args: readonly Value[];
    }
  | { readonly kind: 'get'; readonly module: string | undefined; readonly name: string };

export type CommandBody =
  | { readonly kind: 'module'; readonly name: string | undefined; readonly source: ModuleSource }
  | { readonly kind: 'module_definition'; readonly name: string | undefined; readonly source: ModuleSource }
  | {
      readonly kind: 'module_instance';
      readonly name: string | undefined;
      readonly definition: string | undefined;
    }
  | { readonly kind: 'register'; readonly as: string; readonly module: string | undefined }
  | { readonly kind: 'action'; readonly action: Action }
  | { readonly kind: 'assert_return'; readonly action: Action; readonly expected: readonly Expected[] }
  | {
      readonly kind: 'assert_trap' | 'assert_exhaustion' | 'assert_exception';
      readonly action: Action;
      readonly message: string;
    }
  /** The module is valid and links, and its instantiation traps. */
  | { readonly kind: 'assert_uninstantiable'; readonly source: ModuleSource; readonly message: string }
  | {
      readonly kind: 'assert_malformed' | 'assert_invalid' | 'assert_unlinkable';
      readonly source: ModuleSource;
      readonly message: string;
    }
  /** Commands of a thread that sees these modules of its parent. */
  | { readonly kind: 'thread'; readonly shared: readonly string[]; readonly commands: readonly Command[] }
  | { readonly kind: 'wait' }
  | { readonly kind: 'unsupported'; readonly what: string };

export type Command = CommandBody & { readonly line: number };

/** True for the commands that count as assertions. */
export function isAssertion(command: Command): boolean {
  return command.kind.startsWith('assert_');
}
