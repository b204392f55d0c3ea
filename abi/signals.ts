// Names of signals, by their Linux numbers, which are WASIX's too. Source: signal(7), asm-generic/signal.h.

export const Signal = {
  SIGHUP: 1,
  SIGINT: 2,
  SIGQUIT: 3,
  SIGILL: 4,
  SIGTRAP: 5,
  SIGABRT: 6,
  SIGBUS: 7,
  SIGFPE: 8,
  SIGKILL: 9,
  SIGUSR1: 10,
  SIGSEGV: 11,
  SIGUSR2: 12,
  SIGPIPE: 13,
  SIGALRM: 14,
  SIGTERM: 15,
  SIGSTKFLT: 16,
  SIGCHLD: 17,
  SIGCONT: 18,
  SIGSTOP: 19,
  SIGTSTP: 20,
  SIGTTIN: 21,
  SIGTTOU: 22,
  SIGURG: 23,
  SIGXCPU: 24,
  SIGXFSZ: 25,
  SIGVTALRM: 26,
  SIGPROF: 27,
  SIGWINCH: 28,
  SIGIO: 29,
  SIGPWR: 30,
  SIGSYS: 31,
} as const;

const NAMES: ReadonlyMap<number, string> = new Map(Object.entries(Signal).map(([name, number]) => [number, name]));

/** First of the signals that queue: SIGRTMIN. */
export const SIGNAL_RTMIN = 32;
export const SIGNAL_LAST = 64;

/** SIGINT, SIGRTMIN+2; the number if there is no such signal. */
export function signalName(signal: number): string {
  const name = NAMES.get(signal);
  if (name !== undefined) return name;
  if (signal < SIGNAL_RTMIN || signal > SIGNAL_LAST) return String(signal);
  return signal === SIGNAL_RTMIN ? 'SIGRTMIN' : `SIGRTMIN+${signal - SIGNAL_RTMIN}`;
}

/** Flags of sigaction(2), with Linux's numbers; the others are taken and mean nothing here. */
export const SignalFlags = {
  SA_NOCLDSTOP: 1,
  SA_NOCLDWAIT: 2,
  SA_SIGINFO: 4,
  SA_RESTART: 0x1000_0000,
  SA_NODEFER: 0x4000_0000,
  SA_RESETHAND: 0x8000_0000,
} as const;

/** Why a signal was sent: si_code. */
export const SignalCode = {
  SI_QUEUE: -1,
  SI_TKILL: -6,
  SI_USER: 0,
  SI_KERNEL: 128,
  CLD_EXITED: 1,
  CLD_KILLED: 2,
  CLD_DUMPED: 3,
  CLD_STOPPED: 5,
  CLD_CONTINUED: 6,
} as const;

export const SIG_DFL = 0;
export const SIG_IGN = 1;
/** As a handler: the action stays as it is, and is only told. */
export const SIG_KEEP = 0xffff_ffff;
