export { type Estimate, estimateCore } from './estimate.ts';
export { chooseCore, type Chosen, configurations, findDevice, shortages } from './fit.ts';
export { CLOCK_MHZ, type Device, deviceByName, DEVICES, FAMILIES, type FamilyName } from './table.ts';
