// The continuations of one instance: which frame is at a site, what resumes it, and how the frames of a stack are put together to
// go on. They are compiled when they are first needed (continuation-modules.ts shares them between the instances of a program).
//
// Each frame calls what runs above it by its slot, which is written into its record: an outer frame the continuation of the next
// one, the innermost one the function that delivers the result of its host call.

import { assert } from '../base/assert.ts';
import { WvmError } from '../base/wvm-error.ts';
import { SiteKind } from '../instrument/analysis.ts';
import { continuationName, importedFunctionName } from '../instrument/continuation.ts';
import type { ModuleMap } from '../instrument/module-map.ts';
import * as names from '../instrument/names.ts';
import type { ValType, WasmModule } from '../wasm/module.ts';
import { type CallResult, CallResults } from './call-results.ts';
import type { CompiledModule } from './compile.ts';
import type { CompiledContinuations, ContinuationModules } from './continuation-modules.ts';
import type { FunctionSlots } from './function-slots.ts';
import { OWN_GLOBALS } from './own-globals.ts';
import type { RawStack } from './raw-stack.ts';
import type { StackArea } from './stack-area.ts';

/** Of the frame at a site. */
interface FrameShape {
  readonly sizeBytes: number;
  /** Result types of the call; undefined at a poll. */
  readonly results: readonly ValType[] | undefined;
  /** Slot of the function that delivers them, once there is one; else 0. */
  resultSlot: number;
  /** Slot of the continuation, and itself, once it is compiled; else 0. */
  slot: number;
  continuation: WebAssembly.ExportedFunction | undefined;
}

export class Continuations {
  readonly #module: WasmModule;
  readonly #map: ModuleMap | undefined;
  readonly #modules: ContinuationModules;
  readonly #area: StackArea;
  readonly #slots: FunctionSlots;
  readonly #results: CallResults;
  /** What the instrumented module imports, too. */
  readonly #imports: Readonly<Record<string, WebAssembly.ImportValue>>;
  /** Of the instance. */
  readonly #exports: WebAssembly.Exports;
  readonly #shapes = new Map<number, FrameShape>();
  /** Sites that were compiled into one module with a site, for backtraces. */
  readonly #groups = new Map<number, readonly number[]>();

  constructor(
    compiled: CompiledModule,
    area: StackArea,
    slots: FunctionSlots,
    imports: Readonly<Record<string, WebAssembly.ImportValue>>,
    exports: WebAssembly.Exports,
  ) {
    this.#module = compiled.original;
    this.#map = compiled.map;
    this.#modules = compiled.continuations;
    this.#area = area;
    this.#slots = slots;
    this.#results = new CallResults(area, slots);
    this.#imports = imports;
    this.#exports = exports;
  }

  /**
   * Writes into each record of a stack, which are in the stack area, the slot of what runs above its frame. Returns the
   * continuation of the outermost frame, which is to be called.
   */
  link(stack: RawStack, result: CallResult | number | undefined): WebAssembly.ExportedFunction {
    const { view } = this.#area;
    const end = names.FRAMES_BASE + stack.bytes.length;
    let outermost: FrameShape | undefined;
    let shape: FrameShape | undefined;
    let last = end;
    for (let at = end; at > names.FRAMES_BASE; at -= shape.sizeBytes) {
      shape = this.#shapes.get(view.getUint32(at - 8, true));
      if (shape === undefined || shape.slot === 0) {
        this.#prepare(this.#sitesOf(stack));
        shape = this.#shapes.get(view.getUint32(at - 8, true))!;
      }
      if (outermost === undefined) outermost = shape;
      else view.setUint32(last - 4, shape.slot, true);
      last = at;
    }
    assert(
      shape !== undefined && last - shape.sizeBytes === names.FRAMES_BASE,
      'frame records fill their buffer exactly',
    );
    view.setUint32(last - 4, this.#resultSlot(shape, result), true);
    return outermost!.continuation!;
  }

  /** True if the call in a stack's innermost frame waits for a result. */
  awaitsResult(stack: RawStack): boolean {
    const sites = this.#sitesOf(stack);
    const { results } = this.#frameAt(sites[sites.length - 1]!);
    return results !== undefined && results.length > 0;
  }

  /** The sites in the module that the continuation of `site` is in. */
  groupOf(site: number): readonly number[] | undefined {
    return this.#groups.get(site);
  }

  /**
   * True if `site` is the poll of a loop in which, and around which, its function calls nothing that suspends: a frame
   * there may loop for hours (loop-watch.ts).
   */
  isQuietLoop(site: number): boolean {
    if (this.#map === undefined) return false;
    const plan = this.#map.plan(this.#map.functionOfSite(site));
    return plan.analysis.isQuiet(plan.analysis.sites[site - plan.firstSite]!);
  }

  /** Site numbers of a stack's frames, outermost first. */
  #sitesOf({ bytes }: RawStack): number[] {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const sites: number[] = [];
    for (let end = bytes.length; end > 0; ) {
      const site = view.getUint32(end - 8, true);
      sites.push(site);
      end -= this.#frameAt(site).sizeBytes;
      assert(end >= 0, 'frame records fill their buffer exactly');
    }
    return sites;
  }

  /** Compiles the continuations of these sites that are missing. */
  #prepare(sites: readonly number[]): void {
    const map = this.#capturable();
    const missing = [...new Set(sites)].filter((site) => this.#frameAt(site).slot === 0);
    if (missing.length === 0) return;
    for (const compiled of this.#modules.get(map, missing)) this.#add(compiled);
  }

  #add({ sites, module, functions, helpers }: CompiledContinuations): void {
    const imports: Record<string, WebAssembly.ImportValue> = { ...this.#imports };
    const functionTable = this.#exports[names.EXPORT_FUNCTIONS] as WebAssembly.Table;
    for (const index of functions) {
      imports[importedFunctionName(index)] = functionTable.get(index) as WebAssembly.ExportedFunction;
    }
    const ofInstance = [...helpers, ...this.#module.allGlobals.map((_, k) => names.globalName(k)), ...OWN_GLOBALS];
    for (const name of ofInstance) imports[name] = this.#exports[name]!;
    const { exports } = new WebAssembly.Instance(module, { [names.WVM]: imports });
    for (const site of sites) {
      const shape = this.#frameAt(site);
      // A module compiled for another stack may hold sites that this instance has already.
      if (shape.slot !== 0) continue;
      this.#groups.set(site, sites);
      shape.continuation = exports[continuationName(site)] as WebAssembly.ExportedFunction;
      shape.slot = this.#slots.add(shape.continuation);
    }
  }

  /** What a switch of threads needs to know of a site, without the plan of its function. */
  #frameAt(site: number): FrameShape {
    let shape = this.#shapes.get(site);
    if (shape === undefined) {
      const map = this.#capturable();
      const functionIndex = map.functionOfSite(site);
      assert(functionIndex >= 0, `site ${site} exists`);
      const plan = map.plan(functionIndex);
      const index = site - plan.firstSite;
      const { kind, results } = plan.analysis.sites[index]!;
      shape = {
        sizeBytes: plan.layout(index).sizeBytes,
        results: kind === SiteKind.poll ? undefined : results,
        resultSlot: 0,
        slot: 0,
        continuation: undefined,
      };
      this.#shapes.set(site, shape);
    }
    return shape;
  }

  /** Slot of the function that delivers `result` to a frame; 0 for a poll, which calls nothing. */
  #resultSlot(shape: FrameShape, result: CallResult | number | undefined): number {
    const { results } = shape;
    if (results === undefined) return 0;
    this.#results.write(results, result);
    if (shape.resultSlot === 0) shape.resultSlot = this.#results.slotFor(results);
    return shape.resultSlot;
  }

  #capturable(): ModuleMap {
    if (this.#map === undefined) {
      throw new WvmError(
        'WVM_SNAPSHOT_UNSUPPORTED',
        `the module uses ${this.#module.uncapturable.join(', ')}, whose state cannot be captured`,
      );
    }
    return this.#map;
  }
}
