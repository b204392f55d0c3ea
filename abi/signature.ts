// Signatures of imported functions: what each parameter is called and means. The core type follows from the meaning; a
// trace prints by it, and the headers for guests are generated from it.

export type CoreType = 'i32' | 'i64';

/** What a parameter means; decides its core type and how a trace prints it. */
export type ParameterKind =
  | 'fd'
  | 'u32'
  | 's32'
  | 'size'
  | 'u64'
  | 's64'
  /** Address of a path; the length is the next parameter. */
  | 'path'
  /** Address of bytes; the length is the next parameter. */
  | 'buffer'
  /** Address of an array of (address, length); the count is the next parameter. */
  | 'ciovecs'
  | 'iovecs'
  | 'oflags'
  | 'fdflags'
  | 'fstflags'
  | 'lookupflags'
  | 'rights'
  | 'whence'
  | 'clockid'
  | 'fdflagsext'
  | 'bool'
  /** May be negative, or 0, as in kill(2) and waitpid(2). */
  | 'pid'
  | 'tid'
  /** Linux number of a signal. */
  | 'signal'
  /** Bit n - 1 stands for signal n. */
  | 'sigset'
  /** FUTEX_* with its flags. */
  | 'futexop'
  /** Address of bytes that are text; the length is the next parameter. */
  | 'string'
  /** Address of something that is read. */
  | 'in'
  /** Addresses of results. */
  | 'out-u32'
  | 'out-u64'
  | 'out';

export interface Parameter {
  readonly name: string;
  readonly kind: ParameterKind;
  readonly type: CoreType;
}

export interface FunctionSignature {
  readonly parameters: readonly Parameter[];
  readonly params: readonly CoreType[];
  readonly results: readonly CoreType[];
}

const I64_KINDS: ReadonlySet<ParameterKind> = new Set<ParameterKind>(['u64', 's64', 'rights', 'sigset']);

export function signature(text: string, results: readonly CoreType[] = ['i32']): FunctionSignature {
  return new LateSignature(text, results);
}

/** Taken apart when somebody looks: there are 150 of them, and a program that starts imports a dozen. */
class LateSignature implements FunctionSignature {
  readonly #text: string;
  readonly results: readonly CoreType[];
  #parameters: readonly Parameter[] | undefined;

  constructor(text: string, results: readonly CoreType[]) {
    this.#text = text;
    this.results = results;
  }

  get parameters(): readonly Parameter[] {
    this.#parameters ??= this.#text.split(' ').flatMap((word): Parameter[] => {
      if (word === '') return [];
      const [name, kind] = word.split(':') as [string, ParameterKind];
      return [{ name, kind, type: I64_KINDS.has(kind) ? 'i64' : 'i32' }];
    });
    return this.#parameters;
  }

  get params(): readonly CoreType[] {
    return this.parameters.map((parameter) => parameter.type);
  }
}
