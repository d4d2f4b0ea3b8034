import { bytesToHex } from '@ethereumjs/util';
import type { Chain } from '../chain/chain.ts';

/** Of this way of talking: nodes that differ in it do not follow each other. */
const PROTOCOL = '1';

/** What nodes of a chain have to agree on, by name, in an order that does not change. All values are texts. */
export const describeChain = (chain: Chain, genesis: Uint8Array): Readonly<Record<string, string>> => {
  const { params: p, uploads: u, gasLimit, chainId } = chain.options;
  return {
    protocol: PROTOCOL,
    'chain id': String(chainId),
    'hard fork': chain.common.hardfork(),
    'gas limit': String(gasLimit),
    registry: p.registry.toString(),
    'precompile of inference': p.inferPrecompile.toString(),
    'precompile of registration': p.verifyPrecompile.toString(),
    'precompile of scores': p.scorePrecompile.toString(),
    'contract of scores': p.scores.toString(),
    'blocks to maturity': String(p.matureBlocks),
    'blocks of custody': String(p.custodyBlocks),
    'most operations of an inference': String(p.maxOperations),
    'most memory of an inference': String(p.maxRunBytes),
    'largest package': String(p.maxModelBytes),
    'upload quota of a block': String(u.quotaPerBlock),
    'largest chunk of an upload': String(u.chunkBytes),
    'wei a byte of registration': String(u.feePerByte),
    genesis: bytesToHex(genesis),
  };
};

/** The first thing that two descriptions say differently. */
export const differenceOf = (
  own: Readonly<Record<string, string>>,
  peer: Readonly<Record<string, unknown>>,
): { readonly name: string; readonly own: string; readonly peer: string } | undefined => {
  const names = [...Object.keys(own), ...Object.keys(peer).filter((name) => !Object.hasOwn(own, name))];
  const text = (value: unknown): string => (typeof value === 'string' ? value.slice(0, 200) : 'not told');
  const name = names.find((n) => own[n] !== peer[n]);
  return name === undefined ? undefined : { name: name.slice(0, 80), own: text(own[name]), peer: text(peer[name]) };
};
