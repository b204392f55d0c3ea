// Everything that is decided about one function before a byte is written: its analysis, its record layouts, and
// whether each site gets a handler of its own or one handler serves the whole function.

import type { WasmModule } from '../wasm/module.ts';
import type { FunctionAnalysis } from './analysis.ts';
import type { CallGraph } from './call-graph.ts';
import { ForwardPass } from './forward-pass.ts';
import { type FrameLayout, siteLayout, wholeLayout } from './layout.ts';
import { BackwardPass, computeLiveness, type Liveness } from './liveness.ts';
import { StoreMarks } from './store-marks.ts';
import { Workspace } from './workspace.ts';

/**
 * Above this product of sites and values, one handler saves everything for all sites: the optimising compiler's
 * time grows with handlers times live values (a function with hundreds of sites and locals took it 16 s).
 */
const WHOLE_FUNCTION_VALUES = 4000;
const WHOLE_FUNCTION_SITES = 300;

/** What plans of many functions are made with, one after the other: each is good until the next is made. */
export class Passes {
  readonly forward: ForwardPass;
  readonly backward: BackwardPass = new BackwardPass();

  /** `capacity`: instructions that are expected; more are possible. */
  constructor(capacity?: number) {
    this.forward = new ForwardPass(new Workspace(capacity));
  }
}

export class FunctionPlan {
  readonly analysis: FunctionAnalysis;
  /** Number of the first site, counted over the module. */
  readonly firstSite: number;
  /** True: one handler around the body; false: a handler at every site. */
  readonly wholeFunction: boolean;
  readonly #passes: Passes;
  #liveness: Liveness | undefined;
  readonly #layouts: (FrameLayout | undefined)[] = [];
  #whole: FrameLayout | undefined;
  #marks: StoreMarks | undefined;

  constructor(module: WasmModule, graph: CallGraph, functionIndex: number, firstSite: number, passes?: Passes) {
    this.#passes = passes ?? new Passes(bodyBytes(module, functionIndex) + 1);
    this.analysis = this.#passes.forward.analyse(module, graph, functionIndex);
    this.firstSite = firstSite;
    const sites = this.analysis.sites.length;
    const values = this.analysis.locals.length + this.analysis.shadowTypes.length;
    this.wholeFunction = sites > 1 && (sites > WHOLE_FUNCTION_SITES || sites * values > WHOLE_FUNCTION_VALUES);
  }

  /** What is live at each site; a function with one handler needs it only when a frame of it is read or written. */
  get liveness(): Liveness {
    return (this.#liveness ??= computeLiveness(this.analysis, this.#passes.backward));
  }

  /** How its stores mark; for a module in which they do. */
  get marks(): StoreMarks {
    return (this.#marks ??= new StoreMarks(this.analysis));
  }

  /** Record layout of the function's site number `index`. */
  layout(index: number): FrameLayout {
    if (this.wholeFunction) return (this.#whole ??= wholeLayout(this.analysis));
    return (this.#layouts[index] ??= siteLayout(this.analysis, this.liveness, this.analysis.sites[index]!, index));
  }
}

/** The instructions of a body are no more than its bytes. */
function bodyBytes(module: WasmModule, functionIndex: number): number {
  const entry = module.code[functionIndex - module.importedFunctionCount]!;
  return entry.range.end - entry.bodyStart;
}
