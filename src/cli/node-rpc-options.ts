import type { Diagnostic } from '../support/index.ts';
import { optionValue } from './diagnostics.ts';

/** Who may ask a node, and how much one call may take. */
export const RPC_OPTIONS = {
  'allow-origin': {
    type: 'string',
    array: true,
    requiresArg: true,
    describe: 'Origin of web pages that may use the RPC, besides pages of this machine and extensions (repeatable)',
  },
  'call-gas': { type: 'number', default: 2 ** 27, requiresArg: true, describe: 'Gas of a call that changes nothing, at most' },
  'call-ms': { type: 'number', default: 5000, requiresArg: true, describe: 'Milliseconds of running of such a call, at most' },
} as const;

interface RpcOptions {
  readonly 'allow-origin'?: readonly string[] | undefined;
  readonly 'call-gas': number;
  readonly 'call-ms': number;
}

/** As `NodeArgs` of the pipeline has them. */
export interface RpcArgs {
  readonly origins: readonly string[];
  readonly calls: { readonly gas: bigint; readonly ms: number };
}

export const rpcProblems = (args: RpcOptions): readonly Diagnostic[] => {
  const whole = (name: 'call-gas' | 'call-ms', least: number): readonly Diagnostic[] => {
    const v = args[name];
    return Number.isSafeInteger(v) && v >= least ? [] : [optionValue(name, `is ${v} but takes a whole number from ${least}`)];
  };
  const odd = (args['allow-origin'] ?? []).filter((text) => !/^[a-z][a-z0-9+.-]*:\/\/[^/]+$/.test(text));
  return [
    ...whole('call-gas', 21_000),
    ...whole('call-ms', 1),
    ...odd.map((text) => optionValue('allow-origin', `is ${text} but takes an origin as browsers write it: https://example.org`)),
  ];
};

export const rpcArgs = (args: RpcOptions): RpcArgs => ({
  origins: args['allow-origin'] ?? [],
  calls: { gas: BigInt(args['call-gas']), ms: args['call-ms'] },
});
