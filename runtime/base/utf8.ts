// Strict UTF-8: invalid bytes and lone surrogates are errors, never U+FFFD, so that a name survives a round trip.
// The Encoding Standard's two classes are the same on every host, so they are the one global this layer names.

import { MalformedBytes } from './leb128.ts';

declare class TextEncoder {
  encode(text: string): Uint8Array<ArrayBuffer>;
}
declare class TextDecoder {
  constructor(label: 'utf-8', options: { fatal: boolean; ignoreBOM: boolean });
  decode(bytes: Uint8Array): string;
}

const encoder = new TextEncoder();
// ignoreBOM: true keeps U+FEFF as the character that it is.
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Names are short and ASCII; a native call costs more than a loop over so many characters. */
const SHORT = 32;

/** Encodes `text`; throws RangeError on a lone surrogate, which UTF-8 cannot hold. */
export function encodeUtf8(text: string): Uint8Array<ArrayBuffer> {
  if (text.length <= SHORT) {
    const bytes = new Uint8Array(text.length);
    let at = 0;
    for (; at < text.length; at++) {
      const code = text.charCodeAt(at);
      if (code >= 0x80) break;
      bytes[at] = code;
    }
    if (at === text.length) return bytes;
  }
  if (!text.isWellFormed()) throw new RangeError(`not well-formed UTF-16: ${JSON.stringify(text)}`);
  return encoder.encode(text);
}

/** Decodes `bytes[start, end)`; throws MalformedBytes at `start` unless they are valid UTF-8. */
export function decodeUtf8(bytes: Uint8Array, start = 0, end: number = bytes.length): string {
  if (end - start <= SHORT) {
    let text = '';
    let position = start;
    for (; position < end; position++) {
      const byte = bytes[position]!;
      if (byte >= 0x80) break;
      text += String.fromCharCode(byte);
    }
    if (position === end) return text;
  }
  try {
    return decoder.decode(bytes.subarray(start, end));
  } catch {
    throw new MalformedBytes(start, `${end - start} bytes are not valid UTF-8`);
  }
}
