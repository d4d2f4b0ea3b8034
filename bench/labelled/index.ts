export { digitsModel } from './digits.ts';
export { fashionModels } from './fashion.ts';
export { mnistModels } from './mnist.ts';
export type { LabelledModel, LabelledSet } from './model.ts';
export { cifarResnet20, squeezenet } from './pictures.ts';
