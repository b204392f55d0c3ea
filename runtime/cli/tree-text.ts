// A tree of processes as people read it: one line each, children below their parents.

interface TreeProcess {
  readonly pid: number;
  /** Null or 0 for the root. */
  readonly parentPid: number | null;
}

/** Lines in the order of the tree; a process whose parent is not among them stands with the first ones. */
export function treeLines<Process extends TreeProcess>(
  processes: readonly Process[],
  lineOf: (process: Process) => string,
): string[] {
  const children = new Map<number, Process[]>();
  const pids = new Set(processes.map(({ pid }) => pid));
  for (const process of processes) {
    const parent = process.parentPid !== null && pids.has(process.parentPid) ? process.parentPid : 0;
    const siblings = children.get(parent);
    if (siblings === undefined) children.set(parent, [process]);
    else siblings.push(process);
  }
  const lines: string[] = [];
  const stack = (children.get(0) ?? []).toReversed().map((process) => ({ process, depth: 1 }));
  // Not by recursion: a chain of forks may be as long as it likes.
  for (let next = stack.pop(); next !== undefined; next = stack.pop()) {
    const { process, depth } = next;
    lines.push(`${'  '.repeat(depth)}${lineOf(process)}`);
    for (const child of (children.get(process.pid) ?? []).toReversed())
      stack.push({ process: child, depth: depth + 1 });
  }
  return lines;
}
