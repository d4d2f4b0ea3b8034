import { RpcError } from '../rpc-error.ts';
import type { Method } from './method.ts';

/** EIP-1474: the method is not supported. */
const UNSUPPORTED = -32004;

const NAMES = ['setBalance', 'setCode', 'setNonce', 'setStorageAt', 'impersonateAccount', 'stopImpersonatingAccount', 'reset'] as const;

/** Changes without a transaction, which other development nodes have. */
export const UNREPLAYABLE: Readonly<Record<string, Method>> = Object.fromEntries(
  ['hardhat', 'anvil'].flatMap((tool) =>
    NAMES.map((name): [string, Method] => [
      `${tool}_${name}`,
      () => {
        throw new RpcError(
          UNSUPPORTED,
          `${tool}_${name} changes the chain without a signed transaction, so that nodes which follow it could not replay its blocks. ` +
            'Send a transaction of one of eth_accounts instead, or go back with evm_snapshot and evm_revert',
        );
      },
    ]),
  ),
);
