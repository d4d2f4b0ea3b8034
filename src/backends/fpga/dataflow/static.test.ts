import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { ProgramBuilder } from '../../../ir/index.ts';
import { at, invariant, unwrap } from '../../../support/index.ts';
import { inTemporaryFolder } from '../../cpu/cache/files.ts';
import { type Device, deviceByName } from '../devices/index.ts';
import { findTool } from '../sim/toolchain.ts';
import { findYosys, synthesize } from '../synthesis/yosys.ts';
import { meanFinish } from './finish.ts';
import { type DataflowProgram, dataflowProgram, dataflowReport, dataflowReportText } from './index.ts';
import { NetworkBuilder } from './testing/builder.ts';
import { DATAFLOW_MUTATIONS } from '../../../../conformance/fpga-mutations/dataflow-bugs.ts';
import { type NetworkName, NETWORKS } from './testing/networks.ts';
import { caughtBy, plantedText } from './testing/plant.ts';

// What is known of pipelines without running frames through them, and planted bugs.

const NAMES = Object.keys(NETWORKS) as readonly NetworkName[];
const lint = (tool: 'verilator' | 'iverilog', args: readonly string[], name: NetworkName, targetCycles: number): string =>
  inTemporaryFolder((folder) => {
    const d = unwrap(dataflowProgram(NETWORKS[name](), { targetCycles }));
    for (const f of [...d.rtl, ...d.roms]) writeFileSync(join(folder, f.name), f.text);
    const verilog = d.rtl.map((f) => f.name).filter((n) => n !== 'cxd_tap.v');
    const { status, stdout, stderr } = spawnSync(unwrap(findTool(tool)).path, [...args, ...verilog], { cwd: folder, encoding: 'utf8' });
    return `${status === 0 ? '' : `status ${status ?? '?'} `}${stdout}${stderr}`;
  });

const hasLint = findTool('verilator').ok && findTool('iverilog').ok;
if (!hasLint) console.warn('Pipelines are not linted: there is no verilator or no iverilog.');
(hasLint ? test : test.skip).each(NAMES)('neither verilator nor iverilog has a warning for %s', (name) => {
  const top = 'cxd_pipeline';
  expect(lint('verilator', ['--lint-only', '-Wall', '--top-module', top], name, 4000)).toBe('');
  expect(lint('iverilog', ['-g2005', '-Wall', '-s', top, '-o', 'out'], name, 4000)).toBe('');
});

test('every planted bug applies, and has a name of its own', () => {
  expect(DATAFLOW_MUTATIONS.filter((m) => plantedText(m) === undefined).map((m) => m.name)).toEqual([]);
  expect(new Set(DATAFLOW_MUTATIONS.map((m) => m.name)).size).toBe(DATAFLOW_MUTATIONS.length);
});

/** The others are planted by the script. */
const QUICK = ['the ring takes a pixel too many', 'the first column of padding is read', 'rescale does not round'];
(hasLint ? test : test.skip)('planted bugs are caught', () => {
  const chosen = DATAFLOW_MUTATIONS.filter((m) => QUICK.includes(m.name));
  expect(chosen.length).toBe(QUICK.length);
  expect(chosen.filter((m) => caughtBy(m) === undefined).map((m) => m.name)).toEqual([]);
});

if (findYosys() === undefined) console.warn('A pipeline is not synthesized: there is no yosys (Debian: apt-get install yosys).');
(findYosys() === undefined ? test.skip : test)(
  'yosys makes as many DSP slices of a pipeline as were estimated, and no more of the rest',
  () => {
    const d = unwrap(dataflowProgram(NETWORKS.line(), { targetCycles: 600 }));
    const files = [...d.rtl.filter((f) => f.name !== 'cxd_tap.v'), ...d.roms];
    const { resources } = unwrap(synthesize({ family: 'xc7', top: d.top, files }));
    expect(resources.dsps).toBe(d.need.dsps);
    expect(resources.luts).toBeLessThanOrEqual(d.need.logic);
    expect(resources.luts).toBeGreaterThan(d.need.logic / 2);
    expect(resources.memories).toBeLessThanOrEqual(d.need.memories);
  },
  300_000,
);

test('means of every number of cells up to 1024 have an exact multiplier', () => {
  for (const signed of [true, false]) expect(meanFinish(1024, signed)?.sets.length).toBe(1025);
});

test('the report has the products of each layer, and cycles that are balanced', () => {
  const d = unwrap(dataflowProgram(NETWORKS.residual(), { targetCycles: 1200 }));
  const { stages, interval } = dataflowReport(d);
  expect(stages.reduce((n, s) => n + s.macs, 0)).toBe(64 * 4 * 27 + 2 * 64 * 16 * 9 + 16 * 32 + 16 * 32 * 9 + 16 * 64 * 9 + 80);
  expect(Math.max(...stages.map((s) => s.cycles))).toBe(interval);
  expect(stages.every((s) => s.cycles <= 1200)).toBe(true);
  expect(dataflowReportText(d, 100)).toContain('assumed clock of 100 MHz');
});

const deviceOf = (name: string): Device => {
  const device = deviceByName(name);
  invariant(device !== undefined, `there is a device ${name}`);
  return device;
};

test('a device with room gets a faster pipeline than a small one, which is not filled', () => {
  const on = (name: string): DataflowProgram => unwrap(dataflowProgram(NETWORKS.residual(), { device: deviceOf(name) }));
  const [large, small] = [on('xc7z020'), on('xc7z010')];
  expect(large.timing.interval).toBe(64 * 9);
  expect(small.timing.interval).toBeGreaterThan(64 * 9);
  expect(large.need.dsps).toBeGreaterThan(0.8 * small.device.dsps);
  expect(small.need.dsps).toBeLessThanOrEqual(0.8 * small.device.dsps);
});

const codes = (result: ReturnType<typeof dataflowProgram>): readonly string[] =>
  result.ok ? [] : result.diagnostics.map((d) => `${d.code} ${d.where ?? ''}: ${d.message}`);

test('what no stage does is told with the name of the layer, all at once', () => {
  const n = new NetworkBuilder('refused', 6);
  const a = n.layer(n.input([1, 2, 6, 6]), { channels: 2, kernel: [3, 3] });
  const b = n.emit('concat', [a, a], { axis: 1 });
  const c = n.builder.emitAll('pad', [b], { pads: [0, 0, 1, 1, 0, 0, 1, 1] });
  expect(codes(dataflowProgram(n.finish([at(c, 0)])))).toEqual([
    'FPG0040 node 2 (concat): not available in dataflow mode: there is no stage for concat',
    'FPG0040 node 3 (pad): not available in dataflow mode: there is no stage for pad',
  ]);
});

test('a target out of reach gives the layer and what it needs; a batch and floats are refused', () => {
  expect(codes(dataflowProgram(NETWORKS.lenet(), { targetCycles: 10 }))).toEqual([
    expect.stringMatching(/^FPG0041 node \d+ \(conv\): 10 cycles per frame cannot be reached: this layer needs at least \d+$/),
  ]);
  const batch = new NetworkBuilder('batch', 7);
  expect(codes(dataflowProgram(batch.finish([batch.conv(batch.input([2, 1, 4, 4]), { channels: 1, kernel: [1, 1] })])))[0]).toContain(
    'the batch is 2',
  );
  const floats = new ProgramBuilder('floats');
  floats.output('y', floats.input('x', { dtype: 'f32', shape: [1, 4] }));
  expect(codes(dataflowProgram(floats.finish()))[0]).toContain('the input is f32');
});

test('a network that is too large names the device that it fits', () => {
  const n = new NetworkBuilder('large', 8);
  const y = n.dense(n.input([1, 1024]), 1024);
  const refused = dataflowProgram(n.finish([y]), { device: deviceOf('xc7z010') });
  expect(codes(refused)).toEqual([
    expect.stringMatching(/^FPG0042 : the pipeline does not fit xc7z010: \d+ of 60 RAMB36E1 \(80 % of them are planned with\)$/),
  ]);
  expect(refused.ok ? [] : refused.diagnostics[0]?.notes?.[0]).toBe('xc7a200t is the smallest device of the table that it fits.');
  expect(dataflowProgram(n.finish([y]), { device: deviceOf('xc7a200t') }).ok).toBe(true);
});
