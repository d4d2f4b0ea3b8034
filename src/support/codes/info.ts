/**
 * Exit codes of the command line (docs/cli.md): the class of a problem.
 * 1 findings · 2 usage · 3 input or parse · 4 unsupported · 5 resource limit · 6 network or store · 70 internal.
 */
export type ExitCode = 1 | 2 | 3 | 4 | 5 | 6 | 70;

export interface CodeInfo {
  readonly title: string;
  /** What it means and what to do, for `cortexc explain CODE`. */
  readonly explain: string;
  readonly exit: ExitCode;
}
