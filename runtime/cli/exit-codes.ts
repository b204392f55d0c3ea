// What wvm's exit code says. The guest's own code is passed on, so wvm keeps to the top of the range, where env(1),
// timeout(1) and the shells have put such codes; `--json` tells them apart beyond doubt.

export const exitCodes = {
  usage: 2,
  snapshot: 122,
  fuel: 123,
  timeout: 124,
  failure: 125,
  trap: 134,
} as const;

/** For the help of the commands that run no guest. */
export const ownExitCodesHelp: string = `
Exit codes: 0 done, ${exitCodes.usage} wrong usage, ${exitCodes.failure} it could not be done (wvm help exit-codes).`;

export const exitCodesHelp: string = `Exit codes

  0-255  run, resume   the guest's own (modulo 256)
  0      the others    done
  2      any           wrong usage; nothing was done
  122    run, resume   ended by \`wvm snapshot --stop\`; \`wvm resume\` goes on from there
  123    run, resume   --fuel is used up
  124    run, resume   --timeout is over
  125    any           wvm could not do it: no such file or machine, an image refused, …
  129    any           ended by SIGHUP
  130    any           ended by SIGINT (Ctrl-C)
  134    run, resume   the guest trapped; a backtrace is on stderr
  137    run, resume   ended by SIGKILL
  143    any           ended by SIGTERM or \`wvm kill\`

A guest may exit with one of these codes itself: \`--json\` says which case it was ("status").
`;
