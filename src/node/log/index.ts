export { LOG_LEVELS, type LogFields, type LogLevel, noLog, type NodeLog } from './log.ts';
export { type LogOptions, pinoLog } from './pino-log.ts';
