import { toHex } from '../../../support/index.ts';
import type { Caller } from '../caller.ts';
import { hex, quantity, readFixed } from '../fields.ts';
import type { DevNode } from '../node.ts';
import { invalidParams, notFound, RpcError } from '../rpc-error.ts';
import type { Method } from './method.ts';

const MAX_PAGE = 1000;

/** @throws {RpcError} where the caller may not change what the node keeps */
export const needAdmin = (node: DevNode, caller: Caller): void => {
  if (!node.admin.allows(caller.authorization)) throw new RpcError(-32004, `NOD0065 ${node.admin.need}`);
};

const pinned =
  (value: boolean): Method =>
  async (node, [given], caller) => {
    needAdmin(node, caller);
    if (!(await node.objects.pin(readFixed(given, 32, 'hash'), value))) throw notFound('the package');
    return true;
  };

/** What a node has, in order of hashes. @param params - the hash after which the page begins */
const packages: Method = async (node, [after]) => {
  const from = after === undefined || after === null ? '' : toHex(readFixed(after, 32, 'after'));
  const all = (await node.objects.packages()).filter((p) => toHex(p.hash) > from);
  const page = all.slice(0, MAX_PAGE);
  const last = all.length > MAX_PAGE ? page.at(-1) : undefined;
  const { bytes, limitBytes, inputs } = node.objects.usage();
  return {
    policy: node.objects.policy.name,
    bytes: quantity(bytes),
    limit: Number.isFinite(limitBytes) ? quantity(limitBytes) : null,
    inputs: quantity(inputs),
    packages: page.map((p) => ({ hash: hex(p.hash), size: quantity(p.size), pinned: p.pinned })),
    drafts: node.objects.drafts().map((d) => ({ hash: `0x${d.hash}`, size: quantity(d.size) })),
    next: last === undefined ? null : hex(last.hash),
  };
};

const remove: Method = async (node, [given], caller) => {
  needAdmin(node, caller);
  const hash = readFixed(given, 32, 'hash');
  const found = (await node.objects.packages()).find((p) => toHex(p.hash) === toHex(hash));
  if (found === undefined) throw notFound('the package');
  if (found.pinned) throw invalidParams('the package is pinned: unpin it first');
  // told to be gone only when nobody is offered it
  await node.sharing?.withdraw(hash);
  return node.objects.remove(hash);
};

/** Packages of this node. Those that change something are for whoever runs it. */
export const PACKAGES = {
  cortex_packages: packages,
  cortex_pin: pinned(true),
  cortex_unpin: pinned(false),
  cortex_removePackage: remove,
} as const satisfies Readonly<Record<string, Method>>;
