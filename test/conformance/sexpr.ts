// Reads the S-expressions of WebAssembly text: enough structure to split a test script into commands. Modules
// stay source text (`start`/`end` index into it); only an assembler looks inside them. Annotations `(@name …)` are
// left out: they mean nothing to a script.

export interface List {
  readonly kind: 'list';
  readonly items: readonly Node[];
  /** Offset of the opening parenthesis, and one past the closing one. */
  readonly start: number;
  readonly end: number;
}
export interface Atom {
  readonly kind: 'atom';
  readonly text: string;
  readonly start: number;
}
/** A string literal, decoded: escapes may make bytes that are not UTF-8. */
interface Text {
  readonly kind: 'string';
  readonly bytes: Uint8Array;
  readonly start: number;
}
export type Node = List | Atom | Text;

// One token: block comments nest and are handled apart.
const TOKEN = /\s+|;;[^\n]*|\(;|[()]|"(?:[^"\\]|\\[\s\S])*"|[^\s()";]+|;/gy;
const BLOCK_COMMENT = /\(;|;\)/g;
const encoder = new TextEncoder();

/** All top-level nodes of `source`. Throws SyntaxError on unbalanced input. */
export function readNodes(source: string): Node[] {
  const open: { items: Node[]; start: number }[] = [];
  let items: Node[] = [];
  const top = items;
  TOKEN.lastIndex = 0;
  while (TOKEN.lastIndex < source.length) {
    const start = TOKEN.lastIndex;
    const token = TOKEN.exec(source)?.[0];
    if (token === undefined) throw new SyntaxError(`offset ${start}: no token here`);
    const first = token[0]!;
    if (token === '(;') TOKEN.lastIndex = skipBlockComment(source, start);
    else if (first === '(') {
      open.push({ items, start });
      items = [];
    } else if (first === ')') {
      const frame = open.pop();
      if (frame === undefined) throw new SyntaxError(`offset ${start}: unmatched ')'`);
      const list: List = { kind: 'list', items, start: frame.start, end: TOKEN.lastIndex };
      items = frame.items;
      const head = list.items[0];
      if (head?.kind !== 'atom' || !head.text.startsWith('@')) items.push(list);
    } else if (first === '"') items.push({ kind: 'string', bytes: unescapeString(token.slice(1, -1)), start });
    else if (first > ' ' && !token.startsWith(';;')) items.push({ kind: 'atom', text: token, start });
  }
  if (open.length > 0) throw new SyntaxError(`offset ${open.at(-1)!.start}: unmatched '('`);
  return top;
}

function skipBlockComment(source: string, start: number): number {
  let depth = 0;
  BLOCK_COMMENT.lastIndex = start;
  for (let match = BLOCK_COMMENT.exec(source); match !== null; match = BLOCK_COMMENT.exec(source)) {
    depth += match[0] === '(;' ? 1 : -1;
    if (depth === 0) return BLOCK_COMMENT.lastIndex;
  }
  throw new SyntaxError(`offset ${start}: unterminated block comment`);
}

const ESCAPES: Readonly<Record<string, number>> = { t: 9, n: 10, r: 13, '"': 34, "'": 39, '\\': 92 };

function unescapeString(body: string): Uint8Array {
  if (!body.includes('\\')) return encoder.encode(body);
  const parts: number[] = [];
  for (let at = 0; at < body.length; ) {
    if (body[at] !== '\\') {
      const next = body.indexOf('\\', at);
      const end = next < 0 ? body.length : next;
      parts.push(...encoder.encode(body.slice(at, end)));
      at = end;
      continue;
    }
    const simple = ESCAPES[body[at + 1]!];
    const unicode = /^\\u\{([0-9a-fA-F_]+)\}/.exec(body.slice(at, at + 16));
    if (simple !== undefined) {
      parts.push(simple);
      at += 2;
    } else if (unicode !== null) {
      parts.push(...encoder.encode(String.fromCodePoint(Number.parseInt(unicode[1]!.replaceAll('_', ''), 16))));
      at += unicode[0].length;
    } else {
      const byte = Number.parseInt(body.slice(at + 1, at + 3), 16);
      if (Number.isNaN(byte)) throw new SyntaxError(`string literal: bad escape ${body.slice(at, at + 3)}`);
      parts.push(byte);
      at += 3;
    }
  }
  return Uint8Array.from(parts);
}
