// Runs modules on V8 as they are. It checks the harness itself: what fails here is not wvm's fault.
import v8 from 'node:v8';
import { callBridged, type Signature } from './bridge.ts';
import type { Compiled, Executor, Imports, Instance } from './executor.ts';
import type { Value } from './value.ts';

// Lets WebAssembly.Module.exports() tell the types; without it no function could be called with exact bits.
v8.setFlagsFromString('--experimental-wasm-type-reflection');

interface ReflectedExport {
  readonly name: string;
  readonly kind: string;
  readonly type: Signature & { readonly value: string; readonly mutable: boolean };
}

export class PlainExecutor implements Executor {
  readonly name: string = 'plain V8';
  readonly counters: Readonly<Record<string, number>> = {};

  async compile(bytes: Uint8Array): Promise<Compiled> {
    return { module: new WebAssembly.Module(bytes as Uint8Array<ArrayBuffer>) };
  }

  async instantiate(compiled: Compiled, imports: Imports): Promise<Instance> {
    const { exports } = new WebAssembly.Instance(compiled.module, imports as WebAssembly.Imports);
    return { exports, ...exportTypes(compiled.module) };
  }

  onHostCall(): void {}

  async invoke(instance: Instance, name: string, args: readonly Value[]): Promise<Value[]> {
    const callee = instance.exports[name];
    const signature = instance.functionTypes.get(name);
    if (typeof callee !== 'function' || signature === undefined) throw new TypeError(`no exported function ${name}`);
    return callBridged(callee as (...args: unknown[]) => unknown, signature, args);
  }
}

/** Types of a module's exported functions and globals, by V8's own reading of the module. */
export function exportTypes(module: WebAssembly.Module): Pick<Instance, 'functionTypes' | 'globalTypes'> {
  const all = WebAssembly.Module.exports(module) as unknown as readonly ReflectedExport[];
  const ofKind = (kind: string) => new Map(all.filter((e) => e.kind === kind).map((e) => [e.name, e.type]));
  return { functionTypes: ofKind('function'), globalTypes: ofKind('global') };
}
