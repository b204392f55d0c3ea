/** Text of memory-modules.ts. */
export function generateMemoryModules(): Promise<string>;
