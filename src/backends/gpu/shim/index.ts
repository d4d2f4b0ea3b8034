export { buildFakeDriver, buildShimModule, findCxx, kernelFolder, type ShimOptions, shimFolder, type ShimUnit } from './build.ts';
