export { type Certificate, certificateOf, checkCertificate, parseCertificate } from './certificate.ts';
export * from './compare-views.ts';
export * from './compare.ts';
export type { Difference } from './difference.ts';
export { describeView } from './picture-view.ts';
export type { LevelResult } from './levels.ts';
export { probeInputs, type RunModel } from './probes.ts';
export { type Row, sideBySide } from './side-by-side.ts';
