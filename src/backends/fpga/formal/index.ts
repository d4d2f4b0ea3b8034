export { type PlantedBug, type Proof, proveModule, PROVEN_MODULES, type ProvenModule, proveRequant, REQUANT_SHIFTS } from './prove.ts';
