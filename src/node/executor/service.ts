import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ByteSource, toHex } from '../../support/index.ts';
import { DataUnavailable, type InferenceRequest } from '../evm/engine.ts';
import { type NodeLog, noLog } from '../log/index.ts';
import { type NodeMetrics, noMetrics } from '../metrics/index.ts';
import { ByteGate } from './byte-gate.ts';
import { DEFAULT_CACHE_BYTES, type LocalEngine, type ObjectSource, readStoredInput } from './engine.ts';
import { Lane, type Ticket, WorkerGone, WorkerUseless } from './lane.ts';
import { type Made, ModelCache } from './model-cache.ts';
import { StatsOfModels } from './model-stats.ts';
import { EngineBusy, InferenceTooLong, ModelEndsWorkers } from './outcomes.ts';
import { type CachePolicy, lru } from './policy.ts';
import type { PackageAt, Ran } from './protocol.ts';
import { isDamage } from './ready-model.ts';
import { type Isolation, isolationFor } from './worker.ts';

export interface ServiceLimits {
  /** Inferences of calls that wait and run at most, of one model and of all. Those of blocks are never refused. */
  readonly perModel: number;
  readonly all: number;
  /** Workers that may end over one model in a row, after which it is left alone for a while. */
  readonly crashes: number;
  /** Milliseconds of that while. */
  readonly restMs: number;
  /** Milliseconds that an inference of a call may take, waiting included, where the call does not say. */
  readonly callMs: number;
  /** Bytes of packages that are being made ready at a time. */
  readonly loadBytes: number;
}

export const DEFAULT_SERVICE_LIMITS: ServiceLimits = {
  perModel: 256,
  all: 2048,
  crashes: 3,
  restMs: 60_000,
  callMs: 60_000,
  loadBytes: 2 ** 30,
};

export interface ServiceOptions {
  readonly objects: ObjectSource;
  /** Name of the backend that every worker has an instance of. */
  readonly backend: string;
  /** At least 1. */
  readonly workers: number;
  /** As `isolationFor` says when left out. */
  readonly isolation?: Isolation;
  readonly cacheBytes?: number;
  readonly policy?: CachePolicy;
  /** Threads of one run. */
  readonly threads?: number;
  readonly selfTest?: boolean;
  readonly limits?: Partial<ServiceLimits>;
  readonly metrics?: NodeMetrics;
  readonly log?: NodeLog;
  /** Told of every model that is asked for. */
  readonly asked?: (model: string, bytes: number | undefined) => void;
  /** The compiled worker-main.ts; beside this file when left out. */
  readonly main?: URL;
}

/** Where a model is ready. */
interface Placed {
  readonly lane: Lane;
  readonly generation: number;
  readonly model: string;
}

export interface ServiceLoads {
  /** Inferences that wait or run. */
  readonly inferences: number;
  readonly workers: number;
}

export interface InferenceService extends LocalEngine {
  readonly loads: () => ServiceLoads;
  /** Models that are ready. */
  readonly ready: () => readonly string[];
  /** Runs by model, most first. */
  readonly runs: () => readonly (readonly [model: string, runs: number])[];
  /** Counts runs of an earlier process. */
  readonly addRuns: (model: string, runs: number) => void;
  /** Starts the workers before anyone asks. */
  readonly warm: () => void;
}

/** A group of requests takes about so long at most. */
const GROUP_MS = 5;
const MOST_IN_GROUP = 32;

const copyOf = (file: ByteSource): Uint8Array => {
  const bytes = new Uint8Array(file.size);
  const piece = 2 ** 24;
  for (let at = 0; at < bytes.length; at += piece) bytes.set(file.read(at, Math.min(piece, bytes.length - at)), at);
  return bytes;
};

class Service {
  readonly cache: ModelCache<Placed>;
  readonly stats = new StatsOfModels();
  readonly lanes: readonly Lane[];
  private readonly options: ServiceOptions;
  private readonly limits: ServiceLimits;
  private readonly metrics: NodeMetrics;
  private readonly log: NodeLog;
  private readonly isolation: Isolation;
  private readonly gate: ByteGate;
  private readonly inFlight = new Map<string, number>();
  /** Requests by the place that they go to. */
  private readonly heads = new Map<string, number>();
  private evictions = 0;
  inferences = 0;

  constructor(options: ServiceOptions) {
    const { backend, workers, cacheBytes = DEFAULT_CACHE_BYTES, policy = lru(), threads = 1, selfTest = true } = options;
    const {
      metrics = noMetrics,
      log = noLog,
      isolation = isolationFor(backend),
      main = new URL('worker-main.js', import.meta.url),
    } = options;
    this.options = options;
    this.limits = { ...DEFAULT_SERVICE_LIMITS, ...options.limits };
    this.metrics = metrics;
    this.log = log;
    this.isolation = isolation;
    this.gate = new ByteGate(this.limits.loadBytes);
    this.cache = new ModelCache<Placed>(
      cacheBytes,
      policy,
      ({ lane, model, generation }) => lane.drop(model, generation),
      () => performance.now(),
    );
    this.lanes = Array.from(
      { length: workers },
      () =>
        new Lane({
          isolation,
          main,
          start: { backend, threads, selfTest },
          groupOf: (model) => this.groupOf(model),
          ended: (lane, how, asked) => this.ended(lane, how, asked),
        }),
    );
    metrics.watch('inferencesRunning', () => this.lanes.filter((l) => l.length > 0).length);
    metrics.watch('inferenceQueue', () => this.inferences);
    metrics.watch('modelsReady', () => this.cache.counts().entries);
    metrics.watch('modelBytes', () => this.cache.counts().bytes);
    metrics.watch('workers', () => this.lanes.filter((l) => l.isRunning).length);
  }

  private groupOf(model: string): number {
    const { runMs, crashes } = this.stats.of(model);
    if (runMs === undefined || crashes > 0) return 1;
    return Math.max(1, Math.min(MOST_IN_GROUP, Math.floor(GROUP_MS / Math.max(runMs, 0.01))));
  }

  private ended(lane: Lane, how: string, asked: boolean): void {
    this.cache.forget((placed) => placed.lane === lane);
    if (asked) return;
    const reason = /memory|heap/i.test(how) ? 'memory' : how.startsWith('signal SIGKILL') ? 'killed' : 'crash';
    this.metrics.count('workerEnds', 1, { reason });
    this.log.error({ reason: how }, 'a worker ended, and is started again when it is needed');
  }

  /** The lane with the least to do. */
  private idlest(): Lane {
    let best: Lane | undefined;
    for (const lane of this.lanes) if (best === undefined || lane.length < best.length) best = lane;
    if (best === undefined) throw new WorkerUseless('there are no workers');
    return best;
  }

  /**
   * Where a model is to run: its place with the fewest requests, or a further one when those who wait take longer than making it ready
   * once more does, a worker is idle, and nothing is pushed out.
   */
  private placeFor(model: string): { readonly key: string; readonly lane?: Lane } {
    const { runMs, loadMs, bytes } = this.stats.of(model);
    if (runMs === undefined || loadMs === undefined || bytes === undefined || this.cache.peek(model) === undefined) return { key: model };
    const keys = [model, ...this.lanes.map((_, i) => `${model}/${i}`).filter((k) => this.heads.has(k) || this.cache.peek(k) !== undefined)];
    const headsOf = (key: string): number => this.heads.get(key) ?? 0;
    const key = keys.reduce((best, k) => (headsOf(k) < headsOf(best) ? k : best));
    if (headsOf(key) * runMs <= loadMs || !this.cache.hasRoom(bytes)) return { key };
    const busy = new Set(keys.map((k) => this.cache.peek(k)?.value.lane));
    const i = this.lanes.findIndex((lane, n) => lane.length === 0 && !busy.has(lane) && !keys.includes(`${model}/${n}`));
    const lane = this.lanes[i];
    return lane === undefined ? { key } : { key: `${model}/${i}`, lane };
  }

  private async packageAt(hash: Uint8Array): Promise<{ readonly from: PackageAt; readonly size: number; readonly remove?: () => void }> {
    const { objects } = this.options;
    const file = await objects.package(hash);
    if (file === undefined) throw new DataUnavailable(hash, 'package');
    const path = await objects.packagePath?.(hash);
    if (path !== undefined) return { from: { path }, size: file.size };
    const bytes = copyOf(file);
    if (this.isolation === 'threads') return { from: { bytes }, size: file.size };
    // processes share files, not memory
    const folder = mkdtempSync(join(tmpdir(), 'cortexc-package-'));
    const spooled = join(folder, 'model.cvm');
    writeFileSync(spooled, bytes);
    return { from: { path: spooled }, size: file.size, remove: () => rmSync(folder, { recursive: true, force: true }) };
  }

  private async load(hash: Uint8Array, model: string, ticket: Ticket, given: Lane | undefined): Promise<Made<Placed>> {
    const { package: find } = this.options.objects;
    const size = (await find(hash))?.size;
    if (size === undefined) throw new DataUnavailable(hash, 'package');
    return this.gate.run(size, async () => {
      const { from, remove } = await this.packageAt(hash);
      // chosen when it is its turn
      const lane = given ?? this.idlest();
      try {
        const loading = lane.load(model, from, { urgent: ticket.urgent, gone: false });
        const loaded = await loading;
        if (typeof loaded === 'string') {
          if (isDamage(loaded)) await this.options.objects.suspect?.(hash);
          throw new DataUnavailable(hash, loaded);
        }
        const stats = this.stats.of(model);
        stats.loadMs = loaded.ms;
        stats.bytes = loaded.bytes;
        this.metrics.count('modelLoads', 1);
        this.metrics.count('modelLoadBytes', size);
        this.metrics.time('modelLoad', loaded.ms / 1000);
        this.log.info({ model: model.slice(0, 16), bytes: loaded.bytes, ms: Math.round(loaded.ms) }, 'a model is ready');
        return { value: { lane, model, generation: lane.generation }, bytes: loaded.bytes };
      } finally {
        remove?.();
      }
    });
  }

  /** Does something with a model, again when its worker ends meanwhile. */
  private async with<T>(hash: Uint8Array, model: string, ticket: Ticket, work: (placed: Placed) => Promise<T> | T): Promise<T> {
    for (;;) {
      const stats = this.stats.of(model);
      const { crashes, restMs } = this.limits;
      if (stats.crashes >= crashes) {
        if (performance.now() - stats.crashedAt < restMs) throw new ModelEndsWorkers(hash, stats.crashes, this.lastEnd);
        // it may try once more
        stats.crashes = crashes - 1;
      }
      const { key, lane } = this.placeFor(model);
      this.heads.set(key, (this.heads.get(key) ?? 0) + 1);
      try {
        let isHit = true;
        const make = (): Promise<Made<Placed>> => {
          isHit = false;
          return this.load(hash, model, ticket, lane);
        };
        const result = await this.cache.use(key, make, work);
        stats.crashes = 0;
        this.countEvictions();
        if (isHit) this.metrics.count('modelHits', 1);
        return result;
      } catch (error) {
        if (error instanceof WorkerUseless) throw new DataUnavailable(hash, `worker (${error.message}) for the package`);
        if (!(error instanceof WorkerGone) || ticket.gone) throw error;
        this.lastEnd = error.message;
        if (error.blamed) {
          stats.crashes++;
          stats.crashedAt = performance.now();
          if (stats.crashes >= crashes) throw new ModelEndsWorkers(hash, stats.crashes, this.lastEnd);
        }
        this.metrics.count('inferencesAgain', 1);
      } finally {
        const left = (this.heads.get(key) ?? 1) - 1;
        if (left === 0) this.heads.delete(key);
        else this.heads.set(key, left);
      }
    }
  }
  private lastEnd = '';

  private countEvictions(): void {
    const { evictions } = this.cache.counts();
    if (evictions > this.evictions) this.metrics.count('modelEvictions', evictions - this.evictions);
    this.evictions = evictions;
  }

  private async run({ meta, input, seed }: InferenceRequest, model: string, ticket: Ticket): Promise<Uint8Array | string> {
    const waited = performance.now();
    const ran: Ran = await this.with(meta.hash, model, ticket, ({ lane, generation }) =>
      lane.run(model, generation, { types: meta.inputs, input, seed }, ticket),
    );
    if ('trouble' in ran) throw new DataUnavailable(meta.hash, `way to run (${ran.trouble}) the package`);
    const stats = this.stats.of(model);
    stats.runs++;
    // the first runs of a program are slow until its engine has compiled it well
    stats.runMs = stats.runMs === undefined ? ran.ms : Math.min(stats.runMs, ran.ms) * 0.75 + ran.ms * 0.25;
    this.metrics.time('inference', ran.ms / 1000);
    this.metrics.time('inferenceWait', Math.max(0, performance.now() - waited - ran.ms) / 1000);
    return 'output' in ran ? ran.output : ran.reason;
  }

  /** At most so long; whoever waits longer is told so, and the work is given up where it can be. */
  private bounded<T>(work: Promise<T>, hash: Uint8Array, limitMs: number, ticket: Ticket): Promise<T> {
    return new Promise((done, failed) => {
      const timer = setTimeout(() => {
        ticket.gone = true;
        failed(new InferenceTooLong(hash, limitMs));
        for (const lane of this.lanes) lane.relieve();
      }, limitMs);
      work.then(done, failed).finally(() => clearTimeout(timer));
    });
  }

  async infer(request: InferenceRequest): Promise<Uint8Array | string> {
    const { meta, call } = request;
    const model = toHex(meta.hash);
    const own = this.inFlight.get(model) ?? 0;
    const { perModel, all, callMs } = this.limits;
    const purpose = call === undefined ? 'block' : 'call';
    const outcome = (word: string): void => this.metrics.count('inferences', 1, { purpose, outcome: word });
    if (call !== undefined && (own >= perModel || this.inferences >= all)) {
      outcome('busy');
      throw new EngineBusy(
        meta.hash,
        own >= perModel ? `${own} inferences of this model wait already` : `${this.inferences} inferences wait already`,
      );
    }
    this.options.asked?.(model, this.stats.of(model).bytes);
    const ticket: Ticket = { urgent: call === undefined, gone: false };
    this.inferences++;
    this.inFlight.set(model, own + 1);
    try {
      const work = this.run(request, model, ticket);
      const result = call === undefined ? await work : await this.bounded(work, meta.hash, call.limitMs ?? callMs, ticket);
      outcome(typeof result === 'string' ? 'refused' : 'ok');
      return result;
    } catch (error) {
      outcome(error instanceof InferenceTooLong ? 'late' : 'unavailable');
      if (!(error instanceof InferenceTooLong))
        this.log.warn(
          { model: model.slice(0, 16), purpose, reason: error instanceof Error ? error.message : '' },
          'an inference has no result',
        );
      throw error;
    } finally {
      this.inferences--;
      const left = (this.inFlight.get(model) ?? 1) - 1;
      if (left === 0) this.inFlight.delete(model);
      else this.inFlight.set(model, left);
    }
  }

  preload(hash: Uint8Array): Promise<void> {
    return this.with(hash, toHex(hash), { urgent: false, gone: false }, () => undefined);
  }
}

/**
 * Runs models on workers, off the event loop. Each worker has its backend; a model is made ready on one of them, and on others when more
 * wait for it than one can do. What is asked twice gives the same bytes, so a worker that ends costs time only.
 */
export const createService = (options: ServiceOptions): InferenceService => {
  const service = new Service(options);
  return {
    infer: (request) => service.infer(request),
    readInput: (hash, size) => readStoredInput(options.objects, hash, size),
    counts: () => service.cache.counts(),
    preload: (hash) => service.preload(hash),
    loads: () => ({ inferences: service.inferences, workers: service.lanes.filter((l) => l.isRunning).length }),
    ready: () => [...new Set([...service.cache.keys()].map((key) => key.split('/')[0] ?? ''))],
    runs: () => service.stats.runs(),
    addRuns: (model, runs) => service.stats.add(model, runs),
    warm: () => {
      for (const lane of service.lanes) lane.warm();
    },
    close: () => {
      for (const lane of service.lanes) lane.close();
    },
  };
};
