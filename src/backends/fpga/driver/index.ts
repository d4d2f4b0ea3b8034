export { registersMarkdown } from './registers-text.ts';
export { driverFiles } from './sources.ts';
