export { caffe } from './import.ts';
