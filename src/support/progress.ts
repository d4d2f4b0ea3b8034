/** Where long work says how far it is. No clock here: the command line adds rate and ETA. */
export interface Progress {
  /** @param done - steps finished so far  @param total - steps in all  @param what - what is being worked on */
  step(phase: string, done: number, total: number, what?: string): void;
}

export const silentProgress: Progress = { step: () => undefined };
