import { spawnSync } from 'node:child_process';
import { appendFileSync, rmSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { buildFakeDriver, chooseDevice, findNvcc, loadDriver, versionOf } from '../../src/backends/gpu/index.ts';
import type { Result } from '../../src/support/index.ts';
import { ROOT } from '../data.ts';
import { FOLDER } from '../gpu/device-folder.ts';
import { type Job, runJobs } from '../gpu/device-jobs.ts';
import { layerRows } from '../gpu/device-layer.ts';
import { networkRows, timeRows } from '../gpu/device-networks.ts';
import { jobRows } from '../gpu/device-rows.ts';
import { type Case, CASES, type Device, FAKE_CASES, LAYER, type Setting } from '../gpu/device-setting.ts';
import { readTorchRows } from '../gpu/device-torch.ts';
import { type NetworkName, STREAM_NETWORKS } from '../gpu/networks/architectures.ts';
import { streamNeeds, streamRows } from '../gpu/stream-rows.ts';
import { attempt, type Bench, type Row, type Suite } from '../rows.ts';

// GPU_ROWS names a file that gets each row at once as a line of JSON; TORCH_ROWS one with rows of bench/gpu/torch_peer.py; GPU_SECONDS is
// how long a run may take: what is not prepared after its larger part is left out.

const DEFAULT_SECONDS = 900;
const PREPARING_SHARE = 0.6;

/** The bench, which also writes its rows where GPU_ROWS says. */
const recorded = (bench: Bench): Bench => {
  const path = process.env['GPU_ROWS'] ?? '';
  const row = (r: Omit<Row, 'bench'>): void => {
    if (path !== '') appendFileSync(path, `${JSON.stringify({ bench: 'gpu', ...r })}\n`);
    bench.row(r);
  };
  return { ...bench, row };
};

const textOf = <T>(result: Result<T>): string => (result.ok ? '' : (result.diagnostics[0]?.message ?? ''));

/** The GPU of this machine, or the driver that runs kernels on its CPU. */
const findDevice = (bench: Bench): Device | undefined => {
  let driver = loadDriver();
  if (!driver.ok) {
    const reason = textOf(driver);
    const fake = buildFakeDriver({ folder: join(ROOT, 'build', 'gpu-shim') });
    if (!fake.ok) {
      bench.row({ name: 'device', unit: '', skipped: `${reason}; ${textOf(fake)}` });
      return undefined;
    }
    process.env['CORTEXC_CUDA_DRIVER'] = fake.value;
    driver = loadDriver();
    if (!driver.ok) {
      bench.row({ name: 'device', unit: '', skipped: `${reason}; ${textOf(driver)}` });
      return undefined;
    }
    bench.row({
      name: 'device',
      value: 'none',
      unit: '',
      peer: `${reason}; the same kernels run on the CPU, and rows of time are skipped`,
    });
  }
  const info = chooseDevice(driver.value);
  if (info.ok) return { driver: driver.value, info: info.value };
  bench.row({ name: 'device', unit: '', skipped: textOf(info) });
  return undefined;
};

/** nvcc of this machine; bench/gpu/nvcc.sh may have made one in .venv/cuda. */
const provideNvcc = (): boolean => {
  if (findNvcc().ok) return true;
  const made = spawnSync('sh', [join(ROOT, 'bench', 'gpu', 'nvcc.sh'), '--no-install'], { encoding: 'utf8' });
  const path = made.status === 0 ? made.stdout.trim() : '';
  if (path !== '') process.env['NVCC'] = path;
  return path !== '' && findNvcc().ok;
};

const compileOf = ({ name, batch }: Case): Job => ({ kind: 'compile', name, batch });

/** What a GPU runs, in the order that it is prepared. */
const deviceJobs = (cases: readonly Case[], stream: readonly NetworkName[]): readonly Job[] => {
  const all = [...cases, ...stream.map((name): Case => ({ name, batch: 1 }))];
  const seen = new Set<string>();
  const once = <T extends Job>(job: T): readonly T[] => {
    const key = JSON.stringify(job);
    if (seen.has(key)) return [];
    seen.add(key);
    return [job];
  };
  return all.flatMap((item) => [...once(compileOf(item)), ...once({ kind: 'expect', name: item.name })]);
};

/** What can be said of nvcc and emission without a device. */
const absentJobs = (bench: Bench, nvcc: boolean): readonly Job[] => {
  const compiled: readonly NetworkName[] = !nvcc ? [] : bench.quick ? ['squeezenet'] : ['squeezenet', 'resnet50', 'resnet152'];
  const names = new Set<NetworkName>(['resnet152', 'resnet50', ...STREAM_NETWORKS]);
  return [...names].map((name) =>
    compiled.includes(name) ? { kind: 'compile', name, batch: 1, absent: true } : { kind: 'emit', name, batch: 1 },
  );
};

interface Part {
  readonly jobs: readonly Job[];
  readonly compiler: 'nvcc' | 'shim';
  readonly deadline: number;
}

const prepare = (bench: Bench, { jobs, compiler, deadline }: Part): Promise<void> =>
  runJobs(jobs, {
    cores: availableParallelism(),
    deadline,
    env: process.env,
    done: (job, outcome) => {
      bench.say(`${job.kind} ${job.name}${job.kind === 'expect' ? '' : ` b${job.batch}`} done`);
      jobRows(bench, job, outcome, compiler);
    },
  });

const measure = async (setting: Setting, cases: readonly Case[], stream: readonly NetworkName[]): Promise<void> => {
  const { bench } = setting;
  const network = (item: Case, timed: boolean): Promise<void> =>
    attempt(bench, `${item.name} b${item.batch}`, () => Promise.resolve(networkRows(setting, item, timed)));
  const [first, rest] = [cases.slice(0, 4), cases.slice(4)];
  for (const item of first) await network(item, true);
  await attempt(bench, 'stream', () => Promise.resolve(streamRows(setting, stream)));
  for (const item of rest) await network(item, true);
  if (!setting.fake) await network(LAYER, false);
  await attempt(bench, 'layer', () => Promise.resolve(layerRows(setting)));
  for (const name of stream) if (!cases.some((c) => c.name === name && c.batch === 1)) await network({ name, batch: 1 }, false);
};

const run = async (plain: Bench): Promise<void> => {
  const bench = recorded(plain);
  const began = performance.now();
  const deadline = began + 1000 * PREPARING_SHARE * (Number(process.env['GPU_SECONDS'] ?? '') || DEFAULT_SECONDS);
  const nvcc = provideNvcc();
  const device = findDevice(bench);
  const fake = device?.driver.isFake ?? true;
  if (!nvcc) bench.row({ name: 'nvcc', unit: '', skipped: 'nvcc is not on this machine: sh bench/gpu/nvcc.sh installs it' });
  if (device === undefined || fake) await prepare(bench, { jobs: absentJobs(bench, nvcc), compiler: 'nvcc', deadline });
  if (device === undefined || (!fake && !nvcc)) return;
  // of another build of the compiler, or of another device
  rmSync(FOLDER, { recursive: true, force: true });
  const wanted = (name: NetworkName): boolean => bench.wants(name);
  const small: readonly NetworkName[] = bench.quick ? ['lenet'] : ['lenet', 'squeezenet'];
  const cases = (fake ? FAKE_CASES : CASES).filter((c) => wanted(c.name));
  const stream = fake ? small : STREAM_NETWORKS.some((n) => !wanted(n)) ? STREAM_NETWORKS.filter(wanted) : STREAM_NETWORKS;
  if (!fake) bench.row({ name: 'device', value: device.info.name, unit: '', peer: `driver for CUDA ${versionOf(device.driver)}` });
  const jobs = deviceJobs([...cases, ...(fake || !wanted(LAYER.name) ? [] : [LAYER])], stream);
  await prepare(bench, { jobs, compiler: fake ? 'shim' : 'nvcc', deadline });
  bench.row({ name: 'preparing', value: (performance.now() - began) / 1000, unit: 's', peer: `${availableParallelism()} cores` });
  const setting: Setting = { bench, device, fake, torch: readTorchRows(process.env['TORCH_ROWS']) };
  await measure(setting, cases, stream);
  if (fake) for (const item of CASES) timeRows(setting, item, undefined);
  if (fake) streamNeeds(bench);
  bench.row({ name: 'all', value: (performance.now() - began) / 1000, unit: 's' });
};

export const gpu: Suite = {
  name: 'gpu',
  summary: "CUDA kernels: bytes against the CPU's, latency and throughput against torch.compile, the white paper's stream",
  run,
};
