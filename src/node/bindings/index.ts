export { type Binding, bindingOf, type ModelFacts, type PortFacts } from './binding.ts';
export { solidityBinding } from './solidity.ts';
export { typescriptBinding } from './typescript.ts';
export { factsOfPackage } from './facts.ts';
export { CONTRACT_SOURCES, type ContractSource, contractSource } from './sources.ts';
