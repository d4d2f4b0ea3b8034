import type { Diagnostic } from '../support/index.ts';
import { optionValue } from './diagnostics.ts';

/** A day: timers know no more than 24 of them. */
const MAX_CALL_MS = 86_400_000;

/** Who may ask a node, and how much one call may take. */
export const RPC_OPTIONS = {
  'allow-origin': {
    type: 'string',
    array: true,
    requiresArg: true,
    describe: 'Origin of web pages that may use the RPC, besides pages of this machine and extensions (repeatable)',
  },
  'call-gas': { type: 'number', default: 2 ** 27, requiresArg: true, describe: 'Gas of a call that changes nothing, at most' },
  'call-ms': {
    type: 'number',
    default: 5000,
    requiresArg: true,
    describe: 'Milliseconds of such a call, and of an inference for it, at most; blocks have no such limit',
  },
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
  const whole = (name: 'call-gas' | 'call-ms', least: number, most: number): readonly Diagnostic[] => {
    const v = args[name];
    return Number.isSafeInteger(v) && v >= least && v <= most
      ? []
      : [optionValue(name, `is ${v} but takes a whole number from ${least} to ${most}`)];
  };
  const odd = (args['allow-origin'] ?? []).filter((text) => !/^[a-z][a-z0-9+.-]*:\/\/[^/]+$/.test(text));
  return [
    ...whole('call-gas', 21_000, Number.MAX_SAFE_INTEGER),
    ...whole('call-ms', 1, MAX_CALL_MS),
    ...odd.map((text) => optionValue('allow-origin', `is ${text} but takes an origin as browsers write it: https://example.org`)),
  ];
};

export const rpcArgs = (args: RpcOptions): RpcArgs => ({
  origins: args['allow-origin'] ?? [],
  calls: { gas: BigInt(args['call-gas']), ms: args['call-ms'] },
});
