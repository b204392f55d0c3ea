// Where things lie in a checkout.

import { join } from 'node:path';

export const repositoryRoot: string = join(import.meta.dirname, '..');
/** The CLI as npm installs it: built by `npm ci` (prepare) and `npm run build`. */
export const builtCli: string = join(repositoryRoot, 'dist', 'runtime', 'cli', 'main.js');
