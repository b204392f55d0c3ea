// What the parser and the encoder must agree on about sections: ids, names, order.

/** Section ids of the binary format, in the order in which sections must come. */
export const SECTION_ORDER: readonly number[] = [1, 2, 3, 4, 5, 13, 6, 7, 8, 9, 12, 10, 11];

export const SECTION_NAMES: readonly string[] = [
  'custom',
  'type',
  'import',
  'function',
  'table',
  'memory',
  'global',
  'export',
  'start',
  'element',
  'code',
  'data',
  'data count',
  'tag',
];

/** What begins a table definition with an initialiser: 0x40 0x00. */
export const TABLE_WITH_INIT = 0x40;
