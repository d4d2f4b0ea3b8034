import { closeSync, openSync, readFileSync, renameSync, writeFileSync, writeSync } from 'node:fs';
import { join, resolve } from 'node:path';
import {
  createModelTrace,
  createService,
  decodeMemory,
  type DevNode,
  encodeMemory,
  type InferenceService,
  type ModelMemory,
  noMetrics,
  type NodeLog,
  type NodeMetrics,
  type ObjectSource,
  pinoLog,
  POLICIES,
  type PolicyName,
  type PreloadChoice,
  prometheusMetrics,
  readPreload,
  type Route,
  watchNode,
} from '../../../node/index.ts';
import { diagnostic, fail, fromHex, ok, type Result, messageOf } from '../../../support/index.ts';
import type { Context } from '../../context.ts';
import type { ServiceArgs } from '../../node-service-options.ts';
import { visible } from '../../text.ts';

export interface NodeServiceArgs extends ServiceArgs {
  readonly backend: string;
  readonly threads: number;
  readonly cacheBytes: number;
  readonly policy: PolicyName;
  /** Bounds of calls that change nothing. */
  readonly calls: { readonly ms: number };
  /** Folder where it is remembered which models ran; undefined: it is forgotten. */
  readonly folder: string | undefined;
}

/** What runs the models of a node, and what tells of it. */
export interface NodeService {
  readonly metrics: NodeMetrics;
  readonly log: NodeLog;
  readonly routes: readonly Route[];
  /** Undefined: models run in the thread of the RPC. */
  readonly engineOf: ((objects: ObjectSource) => InferenceService) | undefined;
  /** Makes models ready, as the options say; goes on beside everything else. */
  readonly begin: (node: DevNode) => void;
  readonly close: () => void;
}

const MEMORY_FILE = 'models.json';
const REMEMBER_MS = 60_000;

/** Opens a file that lines are appended to. */
const appendTo = (cwd: string, path: string): Result<{ readonly write: (line: string) => void; readonly close: () => void }> => {
  try {
    const handle = openSync(resolve(cwd, path), 'a');
    return ok({ write: (line) => void writeSync(handle, line), close: () => closeSync(handle) });
  } catch (error) {
    return fail(
      diagnostic('NOD0030', `lines cannot be written to ${visible(path)}: ${visible(messageOf(error))}`, {
        notes: ['Name a file in a folder that exists and may be written to.'],
      }),
    );
  }
};

const readMemory = (folder: string | undefined): ModelMemory | undefined => {
  if (folder === undefined) return undefined;
  try {
    return decodeMemory(readFileSync(join(folder, MEMORY_FILE), 'utf8'));
  } catch {
    return undefined;
  }
};

const writeMemory = (folder: string, service: InferenceService, log: NodeLog): void => {
  try {
    const path = join(folder, MEMORY_FILE);
    writeFileSync(`${path}.draft`, encodeMemory({ runs: service.runs(), ready: service.ready() }));
    renameSync(`${path}.draft`, path);
  } catch (error) {
    log.warn({ reason: messageOf(error) }, 'it is not remembered which models ran');
  }
};

/** Hashes of the models that a choice means, most important first. */
const chosen = async (choice: PreloadChoice, node: DevNode, memory: ModelMemory | undefined): Promise<readonly string[]> => {
  if (choice.kind === 'top') return (memory?.runs ?? []).slice(0, choice.count).map(([model]) => model);
  if (choice.kind === 'last') return memory?.ready ?? [];
  await node.catalog.sync();
  const models = [...node.catalog.all()].filter((m) => choice.kind === 'all' || m.address === choice.address);
  // those that ran most first: the last ones may have no room
  return models.sort((a, b) => b.runs - a.runs || a.block - b.block).map((m) => m.hash.slice(2));
};

const preload = async (
  choices: readonly PreloadChoice[],
  node: DevNode,
  service: InferenceService,
  memory: ModelMemory | undefined,
): Promise<void> => {
  const { log } = node;
  const done = new Set<string>();
  for (const choice of choices) {
    const models = await chosen(choice, node, memory);
    if (models.length === 0 && choice.kind === 'address')
      log.warn(
        { preload: choice.kind, ...(choice.kind === 'address' ? { address: choice.address } : {}) },
        'there is no such model to make ready',
      );
    for (const model of models) {
      if (done.has(model)) continue;
      done.add(model);
      try {
        await service.preload(fromHex(model));
      } catch (error) {
        log.warn({ model: model.slice(0, 16), reason: messageOf(error) }, 'a model is not made ready');
      }
      if (service.counts().evictions === 0) continue;
      return log.warn({ models: done.size, bytes: service.counts().bytes }, 'there is no room for more models: --cache-bytes');
    }
  }
};

/** Logs, metrics, and the workers that run models. Errors: NOD0030. */
export const openNodeService = (args: NodeServiceArgs, { io }: Context): Result<NodeService> => {
  const logFile = args.log === undefined ? undefined : appendTo(io.cwd, args.log);
  if (logFile?.ok === false) return logFile;
  const traceFile = args.traceModels === undefined ? undefined : appendTo(io.cwd, args.traceModels);
  if (traceFile?.ok === false) return traceFile;

  const prometheus = args.metrics ? prometheusMetrics() : undefined;
  const metrics = prometheus ?? noMetrics;
  const log = pinoLog({
    level: args.logLevel,
    write: logFile?.value.write ?? ((line) => void io.stderr.write(line)),
    metrics,
    ...(logFile === undefined && io.stderr.isTTY === true ? { short: { color: io.env['NO_COLOR'] === undefined } } : {}),
  });
  const memory = readMemory(args.folder);
  let service: InferenceService | undefined;
  const engineOf = (objects: ObjectSource): InferenceService => {
    const trace = traceFile === undefined ? undefined : createModelTrace(traceFile.value.write, io.now);
    const made = createService({
      objects,
      backend: args.backend,
      workers: args.workers,
      threads: args.threads,
      cacheBytes: args.cacheBytes,
      policy: POLICIES[args.policy](),
      limits: { callMs: args.calls.ms },
      metrics,
      log,
      ...(trace === undefined ? {} : { asked: trace }),
    });
    for (const [model, runs] of memory?.runs ?? []) made.addRuns(model, runs);
    made.warm();
    service = made;
    return made;
  };
  let timer: NodeJS.Timeout | undefined;
  const remember = (): void => {
    if (args.folder !== undefined && service !== undefined) writeMemory(args.folder, service, log);
  };
  return ok({
    metrics,
    log,
    routes: prometheus === undefined ? [] : [prometheus.route],
    engineOf: args.workers === 0 ? undefined : engineOf,
    begin: (node) => {
      watchNode(node);
      if (service === undefined) return;
      timer = setInterval(remember, REMEMBER_MS).unref();
      const choices = args.preload.flatMap((text) => readPreload(text) ?? []);
      preload(choices, node, service, memory).catch((error: unknown) =>
        log.error({ reason: messageOf(error) }, 'models are not made ready'),
      );
    },
    close: () => {
      clearInterval(timer);
      remember();
      service?.close();
      logFile?.value.close();
      traceFile?.value.close();
    },
  });
};
