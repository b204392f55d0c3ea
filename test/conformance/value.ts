// Values of the test scripts with their exact bits, and the patterns that results are matched against.

export type NumericType = 'i32' | 'i64' | 'f32' | 'f64' | 'v128';

/** A numeric value is its bits, zero-extended (v128: lane 0 in the low bits); a reference is the JavaScript value for it. */
export type Value =
  | { readonly type: NumericType; readonly bits: bigint }
  | { readonly type: 'ref'; readonly ref: unknown };

/** Which references a script accepts: exactly one host object, null, or any of a kind. */
type RefPattern = 'null' | 'func' | 'extern' | 'i31' | 'object' | 'nonnull';

export type Expected =
  | { readonly kind: 'bits'; readonly type: NumericType; readonly bits: bigint }
  | { readonly kind: 'nan'; readonly type: 'f32' | 'f64'; readonly nan: NanPattern }
  | { readonly kind: 'lanes'; readonly width: number; readonly lanes: readonly Expected[] }
  | { readonly kind: 'ref'; readonly pattern: RefPattern }
  | { readonly kind: 'host'; readonly ref: object }
  | { readonly kind: 'either'; readonly options: readonly Expected[] };

type NanPattern = 'canonical' | 'arithmetic';

export const NUMERIC_WIDTH: Readonly<Record<NumericType, number>> = { i32: 32, i64: 64, f32: 32, f64: 64, v128: 128 };

/** The object that stands for `(ref.extern n)` or `(ref.host n)`: the same one every time, so identity can be compared. */
export function hostReference(id: number): object {
  let object = hostReferences.get(id);
  if (object === undefined) hostReferences.set(id, (object = Object.freeze({ hostReference: id })));
  return object;
}
const hostReferences = new Map<number, object>();

export function matches(value: Value, expected: Expected): boolean {
  switch (expected.kind) {
    case 'bits':
      return value.type === expected.type && value.bits === expected.bits;
    case 'nan':
      return value.type === expected.type && isNan(value.bits, NUMERIC_WIDTH[expected.type], expected.nan);
    case 'lanes':
      return (
        value.type === 'v128' && expected.lanes.every((lane, k) => laneMatches(value.bits, lane, expected.width, k))
      );
    case 'ref':
      return value.type === 'ref' && refMatches(value.ref, expected.pattern);
    case 'host':
      return value.type === 'ref' && value.ref === expected.ref;
    case 'either':
      return expected.options.some((option) => matches(value, option));
  }
}

function laneMatches(vector: bigint, lane: Expected, width: number, k: number): boolean {
  const bits = BigInt.asUintN(width, vector >> BigInt(k * width));
  return lane.kind === 'nan' ? isNan(bits, width, lane.nan) : lane.kind === 'bits' && bits === lane.bits;
}

/** Canonical: only the quiet bit of the payload is set. Arithmetic: at least the quiet bit. The sign is free. */
function isNan(bits: bigint, width: number, pattern: NanPattern): boolean {
  const quiet = width === 32 ? 0x7fc0_0000n : 0x7ff8_0000_0000_0000n;
  const magnitude = BigInt.asUintN(width - 1, bits);
  return pattern === 'canonical' ? magnitude === quiet : (magnitude & quiet) === quiet;
}

function refMatches(ref: unknown, pattern: RefPattern): boolean {
  switch (pattern) {
    case 'null':
      return ref === null;
    case 'func':
      return typeof ref === 'function';
    case 'i31':
      return typeof ref === 'number';
    // The JavaScript API shows structs and arrays alike, as opaque objects.
    case 'object':
      return typeof ref === 'object' && ref !== null;
    case 'extern':
    case 'nonnull':
      return ref !== null && ref !== undefined;
  }
}

export function formatValue(value: Value): string {
  if (value.type !== 'ref') return `${value.type}:0x${value.bits.toString(16)}`;
  return value.ref === null ? 'ref.null' : `ref:${typeof value.ref}`;
}

export function formatExpected(expected: Expected): string {
  switch (expected.kind) {
    case 'bits':
      return `${expected.type}:0x${expected.bits.toString(16)}`;
    case 'nan':
      return `${expected.type}:nan:${expected.nan}`;
    case 'lanes':
      return `v128(${expected.lanes.map(formatExpected).join(' ')})`;
    case 'ref':
      return `ref:${expected.pattern}`;
    case 'host':
      return 'ref:host';
    case 'either':
      return expected.options.map(formatExpected).join(' | ');
  }
}

/** Packs the bits of lanes, lane 0 lowest. */
export function packLanes(lanes: readonly bigint[], width: number): bigint {
  return lanes.reduce((vector, lane, k) => vector | (lane << BigInt(k * width)), 0n);
}
