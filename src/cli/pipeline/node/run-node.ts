import { resolve } from 'node:path';
import { loadBackend } from '../../../backends/index.ts';
import { createDevNode, DEV_ACCOUNTS, type PolicyName, serveRpc } from '../../../node/index.ts';
import { diagnostic, fail, ok, type Result } from '../../../support/index.ts';
import type { Report } from '../../command.ts';
import type { Context } from '../../context.ts';
import { formatFacts, visible } from '../../text.ts';
import { compilerVersion } from '../../version.ts';

export interface NodeArgs {
  readonly port: number;
  readonly host: string;
  readonly chainId: number;
  readonly backend: string;
  readonly objects?: string | undefined;
  readonly cacheBytes: number;
  readonly policy: PolicyName;
}

const LOOPBACK = /^(localhost|127(\.\d+){3}|::1)$/;

/** Resolves when the process is asked to end. */
const asked = (): Promise<void> =>
  new Promise((done) => {
    process.once('SIGINT', () => done());
    process.once('SIGTERM', () => done());
  });

/** `cortexc node --dev`: serves until it is asked to end. */
export const runNode = async (args: NodeArgs, context: Context): Promise<Result<Report>> => {
  const backend = await loadBackend(args.backend);
  if (!backend.ok) return backend;
  const { io } = context;
  const node = await createDevNode({
    backend: backend.value,
    version: compilerVersion(),
    chainId: args.chainId,
    cacheBytes: args.cacheBytes,
    policy: args.policy,
    ...(args.objects === undefined ? {} : { objects: resolve(io.cwd, args.objects) }),
    now: () => Math.floor(Date.now() / 1000),
  });
  const ended = asked();
  let server: Awaited<ReturnType<typeof serveRpc>>;
  try {
    server = await serveRpc(node, {
      host: args.host,
      port: args.port,
      ...(LOOPBACK.test(args.host) ? {} : { hosts: [args.host.toLowerCase()] }),
    });
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return fail(
      diagnostic('NOD0001', `cannot listen on ${args.host}:${args.port}: ${visible(reason)}`, { notes: ['Take any free port: --port 0.'] }),
    );
  }
  const url = `http://${args.host}:${server.port}`;
  const { registry, inferPrecompile } = node.chain.cvm.params;
  io.stderr.write(
    formatFacts([
      ['rpc', `${url}, also as WebSocket`],
      ['chain', String(args.chainId)],
      ['registry', registry.toString()],
      ['infer', `${inferPrecompile.toString()} (precompile); INFER 0xc0, INFERARRAY 0xc1`],
      ['backend', args.backend],
      ['objects', args.objects ?? 'in memory'],
      ...DEV_ACCOUNTS.map((a, i) => [i === 0 ? 'accounts' : '', `${a.address.toString()}, 10000 ether`] as const),
      ['next', `cortexc publish MODEL.cvm --rpc ${url}`],
    ]),
  );
  await ended;
  await server.close();
  const blocks = Number(node.chain.head.header.number) + 1;
  const warnings = LOOPBACK.test(args.host)
    ? []
    : [diagnostic('NOD0004', `the node listened on ${args.host}, where others may reach it`, { severity: 'warning' })];
  return ok({ json: { blocks, url }, text: `ended after ${blocks} blocks\n`, warnings });
};
