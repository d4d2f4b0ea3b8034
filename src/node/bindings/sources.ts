import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Contracts that come with cortexc: what generated bindings import. */
export const CONTRACT_SOURCES = ['Infer.sol', 'InferOps.sol', 'InferOps.yul'] as const;
export type ContractSource = (typeof CONTRACT_SOURCES)[number];

/** The text of a contract; it stands with the sources, also when this file runs from dist. */
export const contractSource = (name: ContractSource): string => {
  let root = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(root, 'package.json'))) root = dirname(root);
  return readFileSync(join(root, 'src/node/contracts', name), 'utf8');
};
