export const LOG_LEVELS = ['debug', 'info', 'warn', 'error', 'silent'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** What a line says beside its text. Never a key, a whole body, or a secret: whoever reads logs is to learn none. */
export type LogFields = Readonly<Record<string, string | number | bigint | boolean | undefined>>;

/** Where the parts of a node tell people what happens. Nothing on the consensus path reads it, and no method throws. */
export interface NodeLog {
  debug(fields: LogFields, text: string): void;
  info(fields: LogFields, text: string): void;
  warn(fields: LogFields, text: string): void;
  error(fields: LogFields, text: string): void;
  /** The same log, whose lines carry these fields too. */
  with(fields: LogFields): NodeLog;
}

/** Says nothing. */
export const noLog: NodeLog = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
  with: () => noLog,
};
