/** Text of page-diff-modules.ts. */
export function generatePageDiffModules(): Promise<string>;
