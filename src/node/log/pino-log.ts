import pino, { type Logger } from 'pino';
import type { NodeMetrics } from '../metrics/index.ts';
import type { LogFields, LogLevel, NodeLog } from './log.ts';
import { shortLine } from './short.ts';

export interface LogOptions {
  readonly level: LogLevel;
  /** Where lines go: whole, with a line break. */
  readonly write: (line: string) => void;
  /** Short lines for a terminal instead of JSON. */
  readonly short?: { readonly color: boolean };
  /** Counts lines by level. */
  readonly metrics?: NodeMetrics;
}

/** Fields whose values are nobody's business, however they came here. */
const SECRET = /key|secret|password|mnemonic|token|authorization/i;
/** Of longer texts the beginning is written. */
const MOST_CHARS = 300;

const shown = (fields: LogFields): Record<string, unknown> =>
  Object.fromEntries(
    Object.entries(fields).map(([name, value]) => {
      if (SECRET.test(name)) return [name, '[withheld]'];
      if (typeof value === 'bigint') return [name, String(value)];
      return [name, typeof value === 'string' && value.length > MOST_CHARS ? `${value.slice(0, MOST_CHARS)}…` : value];
    }),
  );

const onPino = (logger: Logger, metrics: NodeMetrics | undefined): NodeLog => {
  const at =
    (level: 'debug' | 'info' | 'warn' | 'error') =>
    (fields: LogFields, text: string): void => {
      if (!logger.isLevelEnabled(level)) return;
      metrics?.count('logLines', 1, { level });
      logger[level](shown(fields), text);
    };
  return {
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
    with: (fields) => onPino(logger.child(shown(fields)), metrics),
  };
};

/** A log of JSON lines: time (ISO 8601, UTC), level, msg, fields. A line that cannot be written is lost, and nothing else. */
export const pinoLog = ({ level, write, short, metrics }: LogOptions): NodeLog => {
  const safely = (line: string): void => {
    try {
      write(short === undefined ? line : shortLine(line, short.color));
    } catch {
      // a full disk is no reason to stop a node
    }
  };
  const logger = pino(
    { level, base: null, timestamp: pino.stdTimeFunctions.isoTime, formatters: { level: (label) => ({ level: label }) } },
    { write: safely },
  );
  return onPino(logger, metrics);
};
