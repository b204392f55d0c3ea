// What became of one test: an assertion of a script, or a program of the WASI suite.

export interface Verdict {
  /** Line in the script; 0 for a whole program. */
  readonly line: number;
  /** The command, for example `assert_return`; `test` for a program. */
  readonly kind: string;
  readonly status: 'pass' | 'fail' | 'skip';
  /** The script's own message, for example the trap expected. */
  readonly message: string;
  /** Why it failed or was left out. */
  readonly detail: string;
}
