// Number literals of WebAssembly text as exact bit patterns. JavaScript's own parsing is of no use here: decimal
// to f32 by way of f64 rounds twice, and hexadecimal floats and NaN payloads are unknown to it.

interface FloatFormat {
  /** Bits of the significand, the hidden one included. */
  readonly precision: number;
  /** Exponent of the smallest subnormal: value = 2^minExponent. */
  readonly minExponent: number;
  readonly infinity: bigint;
  readonly signBit: bigint;
}
const F32: FloatFormat = { precision: 24, minExponent: -149, infinity: 0x7f80_0000n, signBit: 1n << 31n };
const F64: FloatFormat = { precision: 53, minExponent: -1074, infinity: 0x7ff0_0000_0000_0000n, signBit: 1n << 63n };

/** Bits of an integer literal, two's complement in `width` bits. */
export function parseIntegerBits(text: string, width: number): bigint {
  const digits = text.replaceAll('_', '');
  const negative = digits.startsWith('-');
  const magnitude = BigInt(/^[+-]/.test(digits) ? digits.slice(1) : digits);
  return BigInt.asUintN(width, negative ? -magnitude : magnitude);
}

/** Bits of a float literal: decimal, hexadecimal, `inf`, `nan` or `nan:0x…`. */
export function parseFloatBits(text: string, width: 32 | 64): bigint {
  const format = width === 32 ? F32 : F64;
  const literal = text.replaceAll('_', '').replace(/^[+-]/, '');
  const sign = text.startsWith('-') ? format.signBit : 0n;
  if (literal === 'inf') return sign | format.infinity;
  if (literal === 'nan') return sign | format.infinity | (1n << BigInt(format.precision - 2));
  if (literal.startsWith('nan:')) return sign | format.infinity | BigInt(literal.slice(4));
  const hex = /^0x([0-9a-f]*)\.?([0-9a-f]*)(?:p([+-]?\d+))?$/i.exec(literal);
  const decimal = hex ?? /^(\d*)\.?(\d*)(?:e([+-]?\d+))?$/i.exec(literal);
  if (decimal === null) throw new SyntaxError(`float literal: ${text}`);
  const [, whole = '', fraction = '', exponentText = '0'] = decimal;
  const significand = BigInt((hex === null ? '' : '0x') + (whole + fraction || '0'));
  const exponent = Number(exponentText) - fraction.length * (hex === null ? 1 : 4);
  const base = hex === null ? 10n : 2n;
  const scale = base ** BigInt(Math.abs(exponent));
  return sign | (exponent < 0 ? roundRatio(significand, scale, format) : roundRatio(significand * scale, 1n, format));
}

/** Bits of numerator / denominator, rounded to nearest, ties to even. */
function roundRatio(numerator: bigint, denominator: bigint, format: FloatFormat): bigint {
  if (numerator === 0n) return 0n;
  // One too small at worst, so that the quotient has `precision` or `precision + 1` bits before the correction.
  let exponent = bitLength(numerator) - bitLength(denominator) - format.precision;
  const limit = 1n << BigInt(format.precision);
  if (scaledQuotient(numerator, denominator, exponent).quotient >= limit) exponent++;
  exponent = Math.max(exponent, format.minExponent);
  let { quotient, remainder, divisor } = scaledQuotient(numerator, denominator, exponent);
  const doubled = remainder * 2n;
  if (doubled > divisor || (doubled === divisor && (quotient & 1n) === 1n)) quotient++;
  // The hidden bit of a normal number adds one to the biased exponent, and so does a carry out of the rounding.
  const bits = (BigInt(exponent - format.minExponent) << BigInt(format.precision - 1)) + quotient;
  return bits > format.infinity ? format.infinity : bits;
}

function scaledQuotient(numerator: bigint, denominator: bigint, exponent: number) {
  const dividend = exponent < 0 ? numerator << BigInt(-exponent) : numerator;
  const divisor = exponent > 0 ? denominator << BigInt(exponent) : denominator;
  const quotient = dividend / divisor;
  return { quotient, remainder: dividend - quotient * divisor, divisor };
}

function bitLength(value: bigint): number {
  return value.toString(2).length;
}
