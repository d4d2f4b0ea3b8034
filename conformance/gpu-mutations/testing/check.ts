/**
 * Runs networks through the shim with the kernels beside this tree and says how they fail: node check.js FOLDER NETWORK,…. FOLDER is
 * where built files are kept. Prints a line of JSON: what was caught and how, or null.
 */
import { type Tensor, runProgram, tensorBytes } from '../../../src/ir/index.ts';
import { at, sha256Hex, unwrap } from '../../../src/support/index.ts';
import { cudaRows } from '../../../src/backends/gpu/cuda/rows.ts';
import { cudaSource } from '../../../src/backends/gpu/cuda/source.ts';
import { buildProgram, runOnShim } from '../../../src/backends/gpu/shim/testing/run-program.ts';
import { DeviceError, FakeDevice } from '../../../src/backends/gpu/shim/testing/fake-device.ts';
import { buildFakeDriver } from '../../../src/backends/gpu/shim/index.ts';
import { NETWORKS, networkOf, type NetworkName } from './networks.ts';

const [folder = '', list = ''] = process.argv.slice(2);
const names = NETWORKS.filter((name) => list.split(',').includes(name));
const options = { folder, flags: ['-O1'] };
const device = new FakeDevice(unwrap(buildFakeDriver(options)));

/** Orders of threads and timings of what is asynchronous; each runs twice. The last looks at every access for races. */
const RUNS = [
  { order: 0, timing: 0, check: false },
  { order: 1, timing: 0, check: false },
  { order: 2, timing: 0, check: false },
  { order: 0, timing: 1, check: false },
  { order: 1, timing: 1, check: false },
  { order: 2, timing: 1, check: false },
  { order: 0, timing: 0, check: true },
] as const;
const TIMES = 2;

const first = (wanted: Uint8Array, got: Uint8Array): number => wanted.findIndex((byte, i) => byte !== got[i]);

const differs = (
  name: NetworkName,
  wanted: readonly Tensor[],
  run: (typeof RUNS)[number],
  results: readonly (readonly Uint8Array[])[],
): string | undefined => {
  for (const [time, outputs] of results.entries())
    for (const [i, tensor] of wanted.entries()) {
      const [a, b] = [tensorBytes(tensor), at(outputs, i)];
      if (sha256Hex(a) !== sha256Hex(b))
        return `${name}: run ${time + 1}, order ${run.order}, timing ${run.timing}: output ${i} differs from byte ${first(a, b)} on`;
    }
  return undefined;
};

const checkNetwork = (name: NetworkName): string | undefined => {
  const { program, inputs, options: rows } = networkOf(name);
  const source = unwrap(cudaSource(program, { rows: cudaRows(rows), mostUnits: 1 }));
  const wanted = runProgram(program, inputs);
  const plain = buildProgram(source, options);
  const checked = buildProgram(source, { ...options, check: true });
  for (const run of RUNS) {
    const modules = run.check ? checked : plain;
    try {
      const wrong = differs(name, wanted, run, runOnShim(device, source, modules, inputs, { ...run, times: TIMES }));
      if (wrong !== undefined) return wrong;
    } catch (error) {
      if (error instanceof DeviceError)
        return `${name}: order ${run.order}, timing ${run.timing}${run.check ? ', checked' : ''}: ${error.message}`;
      throw error;
    }
  }
  return undefined;
};

let caught: string | null = null;
for (const name of names) caught ??= checkNetwork(name) ?? null;
process.stdout.write(`${JSON.stringify({ caught })}\n`);
