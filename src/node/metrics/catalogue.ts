/** A figure that only grows; its name ends in _total. */
interface Figure<L extends string> {
  readonly name: string;
  readonly help: string;
  /** Labels have few values, which this code knows: never an address, a hash or a text of somebody else. */
  readonly labels: readonly L[];
}

const figure = <const L extends string = never>(name: string, help: string, labels: readonly L[] = []): Figure<L> => ({
  name,
  help,
  labels,
});

/** What is counted. */
export const COUNTERS = {
  rpcRequests: figure('cortex_rpc_requests_total', 'Calls of the RPC by method and outcome (ok, error, busy).', ['method', 'outcome']),
  rpcRefused: figure('cortex_rpc_refused_total', 'Requests that were refused before a method ran, by reason.', ['reason']),
  inferences: figure(
    'cortex_inferences_total',
    'Inferences by what they are for (block, call) and outcome (ok, refused, unavailable, busy, late).',
    ['purpose', 'outcome'],
  ),
  inferencesAgain: figure('cortex_inferences_again_total', 'Inferences that were run again because their worker ended.'),
  modelHits: figure('cortex_model_cache_hits_total', 'Inferences whose model was ready.'),
  modelLoads: figure('cortex_model_loads_total', 'Models that were made ready.'),
  modelLoadBytes: figure('cortex_model_load_bytes_total', 'Bytes of packages that were read to make models ready.'),
  modelEvictions: figure('cortex_model_cache_evictions_total', 'Models that were given up for others.'),
  workerEnds: figure('cortex_worker_ends_total', 'Workers that ended without being asked, by reason (crash, killed, memory).', ['reason']),
  blocks: figure('cortex_blocks_total', 'Blocks that became the head, by who made them (own, other).', ['origin']),
  transactions: figure('cortex_transactions_total', 'Transactions in accepted blocks.'),
  gas: figure('cortex_gas_used_total', 'Gas of accepted blocks.'),
  packages: figure(
    'cortex_packages_total',
    'Packages that came, by way (rpc and upload: a client sent it; http, ipfs, kubo, bittorrent: it was fetched) and outcome (kept, refused).',
    ['way', 'outcome'],
  ),
  packageBytes: figure('cortex_package_bytes_total', 'Bytes of packages that came and were kept, by way.', ['way']),
  packageBytesSent: figure('cortex_package_bytes_sent_total', 'Bytes of packages and inputs that were asked for by HTTP.'),
  logLines: figure('cortex_log_lines_total', 'Lines of the log by level.', ['level']),
} as const;

/** What goes up and down. */
export const GAUGES = {
  rpcConnections: figure('cortex_rpc_connections', 'Connections to the RPC that are open.'),
  rpcWebSockets: figure('cortex_rpc_websockets', 'WebSockets that are open.'),
  rpcBytes: figure('cortex_rpc_request_bytes', 'Bytes of requests that are being read or answered.'),
  rpcQueue: figure('cortex_rpc_waiting', 'Calls of the RPC that wait, by class (read, work, change; call: eth_call and what is like it).', [
    'class',
  ]),
  inferenceQueue: figure('cortex_inferences_waiting', 'Inferences that wait for a worker.'),
  inferencesRunning: figure('cortex_inferences_running', 'Inferences that run.'),
  modelsReady: figure('cortex_models_ready', 'Models that are ready.'),
  modelBytes: figure('cortex_model_bytes', 'Bytes that ready models hold.'),
  workers: figure('cortex_workers', 'Workers that run.'),
  height: figure('cortex_block_height', 'Number of the head.'),
  waitingTransactions: figure('cortex_transactions_waiting', 'Transactions that wait for a block.'),
  peers: figure('cortex_peers', 'Nodes that this one follows.'),
  storeBytes: figure('cortex_store_bytes', 'Bytes of the store.'),
  storePackages: figure('cortex_store_packages', 'Packages in the store.'),
} as const;

/** What is measured, in seconds. */
export const DURATIONS = {
  rpc: figure('cortex_rpc_seconds', 'From a call of the RPC to its answer, by method.', ['method']),
  inference: figure('cortex_inference_seconds', 'An inference on its worker, without waiting.'),
  inferenceWait: figure('cortex_inference_wait_seconds', 'From a request for an inference to its start.'),
  modelLoad: figure('cortex_model_load_seconds', 'Making a model ready.'),
  block: figure('cortex_block_seconds', 'From asking for a block, its own or of another, to the new head.'),
} as const;

export type CounterName = keyof typeof COUNTERS;
export type GaugeName = keyof typeof GAUGES;
export type DurationName = keyof typeof DURATIONS;

type LabelsOf<F> = F extends Figure<infer L> ? ([L] extends [never] ? undefined : Readonly<Record<L, string>>) : never;
/** The labels that a figure takes, all of them. */
export type CounterLabels<N extends CounterName> = LabelsOf<(typeof COUNTERS)[N]>;
export type GaugeLabels<N extends GaugeName> = LabelsOf<(typeof GAUGES)[N]>;
export type DurationLabels<N extends DurationName> = LabelsOf<(typeof DURATIONS)[N]>;
