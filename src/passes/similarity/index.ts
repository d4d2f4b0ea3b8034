export type { Subject } from './behaviour.ts';
export { examineModel } from './examine.ts';
export { DamagedIndex, encodeIndex, IndexFile, isIndex, type KnownModel, MAX_LAYERS } from './index-file.ts';
export { type Neighbour, nearestModels } from './nearest.ts';
export { measureSimilarity, type Similarity } from './similarity.ts';
