export { digitsModel } from './digits.ts';
export { fashionModels } from './fashion.ts';
export { mlperfKws } from './kws.ts';
export { mnistModels } from './mnist.ts';
export type { LabelledModel, LabelledSet, Loaded } from './model.ts';
export { cifarResnet20, cifarResnet20Test, mlperfResnet8, squeezenet } from './pictures.ts';
