export { buildFakeDriver, buildShimModule, findCxx } from './build.ts';
