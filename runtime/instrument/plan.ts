// Everything that is decided about one function before a byte is written: its analysis, its record layouts, and
// whether each site gets a handler of its own or one handler serves the whole function.

import type { WasmModule } from '../wasm/module.ts';
import { FunctionAnalysis } from './analysis.ts';
import type { CallGraph } from './call-graph.ts';
import { type FrameLayout, siteLayout, wholeLayout } from './layout.ts';
import { computeLiveness, type Liveness } from './liveness.ts';

/**
 * Above this product of sites and values, one handler saves everything for all sites: the optimising compiler's
 * time grows with handlers times live values (a function with hundreds of sites and locals took it 16 s).
 */
const WHOLE_FUNCTION_VALUES = 4000;
const WHOLE_FUNCTION_SITES = 300;

export class FunctionPlan {
  readonly analysis: FunctionAnalysis;
  readonly liveness: Liveness;
  /** Number of the first site, counted over the module. */
  readonly firstSite: number;
  /** True: one handler around the body; false: a handler at every site. */
  readonly wholeFunction: boolean;
  readonly #layouts: (FrameLayout | undefined)[] = [];
  #whole: FrameLayout | undefined;

  constructor(module: WasmModule, graph: CallGraph, functionIndex: number, firstSite: number) {
    this.analysis = new FunctionAnalysis(module, graph, functionIndex);
    this.liveness = computeLiveness(this.analysis);
    this.firstSite = firstSite;
    const sites = this.analysis.sites.length;
    const values = this.analysis.locals.length + this.analysis.shadowTypes.length;
    this.wholeFunction = sites > 1 && (sites > WHOLE_FUNCTION_SITES || sites * values > WHOLE_FUNCTION_VALUES);
  }

  /** Record layout of the function's site number `index`. */
  layout(index: number): FrameLayout {
    if (this.wholeFunction) return (this.#whole ??= wholeLayout(this.analysis));
    return (this.#layouts[index] ??= siteLayout(this.analysis, this.liveness, this.analysis.sites[index]!, index));
  }
}
