// Strict UTF-8 (RFC 3629) for names and paths. The inner layers have no TextDecoder, and the platform's refuses bytes in
// shared memory, which guest memory may be.

/** Decodes bytes [start, end); undefined when they are not valid UTF-8 (overlong forms and surrogates included). */
export function decodeUtf8(bytes: Uint8Array, start: number, end: number): string | undefined {
  let text = '';
  let at = start;
  while (at < end) {
    const first = bytes[at++]!;
    if (first < 0x80) {
      text += String.fromCharCode(first);
      continue;
    }
    let extra: number;
    let code: number;
    let least: number;
    if (first >= 0xc2 && first <= 0xdf) {
      extra = 1;
      code = first & 0x1f;
      least = 0x80;
    } else if (first >= 0xe0 && first <= 0xef) {
      extra = 2;
      code = first & 0x0f;
      least = 0x800;
    } else if (first >= 0xf0 && first <= 0xf4) {
      extra = 3;
      code = first & 0x07;
      least = 0x10000;
    } else {
      return undefined;
    }
    if (at + extra > end) return undefined;
    for (; extra > 0; extra--) {
      const next = bytes[at++]!;
      if ((next & 0xc0) !== 0x80) return undefined;
      code = (code << 6) | (next & 0x3f);
    }
    if (code < least || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff)) return undefined;
    text += String.fromCodePoint(code);
  }
  return text;
}

/** Encodes text; a lone surrogate becomes U+FFFD. */
export function encodeUtf8(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length * 3);
  let size = 0;
  for (let at = 0; at < text.length; at++) {
    let code = text.codePointAt(at)!;
    if (code >= 0xd800 && code <= 0xdfff) code = 0xfffd;
    if (code < 0x80) {
      bytes[size++] = code;
    } else if (code < 0x800) {
      bytes[size++] = 0xc0 | (code >> 6);
      bytes[size++] = 0x80 | (code & 0x3f);
    } else if (code < 0x10000) {
      bytes[size++] = 0xe0 | (code >> 12);
      bytes[size++] = 0x80 | ((code >> 6) & 0x3f);
      bytes[size++] = 0x80 | (code & 0x3f);
    } else {
      bytes[size++] = 0xf0 | (code >> 18);
      bytes[size++] = 0x80 | ((code >> 12) & 0x3f);
      bytes[size++] = 0x80 | ((code >> 6) & 0x3f);
      bytes[size++] = 0x80 | (code & 0x3f);
      at++;
    }
  }
  return bytes.slice(0, size);
}
