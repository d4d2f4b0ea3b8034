export { type Device, deviceByName, DEVICES, FAMILIES, type FamilyName } from './table.ts';
