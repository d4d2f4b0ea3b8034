export { LOG_LEVELS, type LogLevel, noLog, type NodeLog } from './log.ts';
export { pinoLog } from './pino-log.ts';
