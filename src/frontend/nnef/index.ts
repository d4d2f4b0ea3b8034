export { nnef } from './import.ts';
