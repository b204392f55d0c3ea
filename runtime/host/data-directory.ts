// Where wvm keeps what belongs to its user: `$XDG_DATA_HOME/wvm`, or the same in ~/.local/share.

import { homedir } from 'node:os';
import { join } from 'node:path';

export function dataDirectory(): string {
  const base = process.env['XDG_DATA_HOME'];
  return join(base?.startsWith('/') ? base : join(homedir(), '.local', 'share'), 'wvm');
}
