import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, test } from '@jest/globals';
import { unwrap } from '../../../support/index.ts';
import { findProgram } from '../../programs.ts';
import type { SourceFile } from '../../source-folder.ts';
import { rtlFiles } from '../rtl-files.ts';
import { cellModels, netlistOf } from './netlist.ts';
import { filesFor } from './reach.ts';

// Netlists for Cyclone V, as yosys makes them, against the Verilog that they were made from: it is here that a synthesizer is caught
// that computes something else. npm run fpga-gates does the same with the whole core and a network.

const tools = ['yosys', 'verilator', 'make', 'g++'].every((tool) => findProgram(tool, process.env) !== undefined);
if (!tools)
  console.warn(
    'Netlists of the FPGA core are not simulated: yosys, verilator, make and g++ are needed (Debian: apt-get install yosys verilator make g++).',
  );

const folder = mkdtempSync(join(tmpdir(), 'cortexc-fpga-gates-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

interface Unit {
  readonly module: string;
  /** Inputs but clk, with their bits, and outputs with theirs. */
  readonly inputs: readonly (readonly [name: string, bits: number])[];
  readonly outputs: readonly (readonly [name: string, bits: number])[];
  /** Its Verilog, where it is none of the core. */
  readonly files?: readonly SourceFile[];
}

/** Every unit beside its netlist, all with the same inputs. */
const pairsText = (units: readonly Unit[]): string => {
  const parts = units.map(({ module, inputs, outputs }, n) => {
    let at = 0;
    const slices = inputs.map(([name, bits]) => `.${name}(in[${(at += bits) - 1}:${at - bits}])`);
    const instance = (kind: string, suffix: string): string =>
      `  ${kind} ${module}_${suffix} (.clk(clk), ${slices.join(', ')}, ${outputs.map(([name]) => `.${name}(${module}_${name}_${suffix})`).join(', ')});\n`;
    const wires = outputs
      .flatMap(([name, bits]) => ['rtl', 'gates'].map((s) => `  wire [${bits - 1}:0] ${module}_${name}_${s};\n`))
      .join('');
    const differ = outputs.map(([name]) => `${module}_${name}_rtl != ${module}_${name}_gates`).join(' || ');
    return `${wires}${instance(module, 'rtl')}${instance(`${module}_gates`, 'gates')}  assign differ[${n}] = ${differ};\n`;
  });
  return `\`timescale 1ns/1ps
module pair (input wire clk, input wire [1023:0] in, output wire [${units.length - 1}:0] differ);
${parts.join('')}endmodule
`;
};

/** Builds all units with their netlists. @returns what the comparison says of each */
const compare = (units: readonly Unit[]): readonly string[] => {
  const sources = new Map<string, string>([[cellModels().name, cellModels().text]]);
  for (const unit of units) {
    const files = unit.files ?? filesFor(unit.module, rtlFiles());
    for (const { name, text } of [...files, unwrap(netlistOf({ top: unit.module, files }))]) sources.set(name, text);
  }
  sources.set('pair.v', pairsText(units));
  for (const [name, text] of sources) writeFileSync(join(folder, name), text);
  const bench = fileURLToPath(new URL('./testing/gates.cpp', import.meta.url));
  const verilog = [...sources.keys()].filter((name) => name.endsWith('.v'));
  const flags = ['--cc', '--exe', '--build', '-O3', '-Wno-fatal', '--top-module', 'pair', '-Mdir', 'obj', '-o', '../run'];
  execFileSync('verilator', [...flags, ...verilog, bench], { cwd: folder, stdio: 'pipe' });
  return spawnSync(join(folder, 'run'), ['20000', String(units.length)], { encoding: 'utf8' })
    .stdout.trim()
    .split('\n');
};

const REQUANT: Unit = {
  module: 'cx_requant',
  inputs: [
    ['acc', 32],
    ['bias', 32],
    ['multiplier', 15],
    ['shift', 6],
    ['zero', 8],
    ['lo', 8],
    ['hi', 8],
  ],
  outputs: [
    ['sum', 32],
    ['y', 8],
  ],
};

const DOT: Unit = {
  module: 'cx_dot',
  inputs: [
    ['v1', 1],
    ['v2', 1],
    ['v3', 1],
    ['v4', 1],
    ['depthwise1', 1],
    ['own1', 8],
    ['w1', 128],
    ['own2', 8],
    ['x2', 120],
  ],
  outputs: [['sum5', 20]],
};

const LANE: Unit = {
  module: 'cx_lane',
  inputs: [
    ['v5', 1],
    ['first5', 1],
    ['bytes5', 1],
    ['max5', 1],
    ['dot5', 20],
    ['x5', 8],
  ],
  outputs: [['acc', 32]],
};

/** A product wider than a tile of the multipliers: yosys 0.23 drops the sign of its parts. */
const WIDE: Unit = {
  module: 'wide',
  inputs: [
    ['a', 32],
    ['b', 32],
  ],
  outputs: [['y', 64]],
  files: [
    {
      name: 'wide.v',
      text: '`timescale 1ns/1ps\nmodule wide (input wire clk, input wire signed [31:0] a, input wire signed [31:0] b, output reg signed [63:0] y);\n  always @(posedge clk) y <= a * b;\nendmodule\n',
    },
  ],
};

(tools ? describe : describe.skip)('netlists for Cyclone V', () => {
  test('units compute what their Verilog does, and a product that is wider than a multiplier does not', () => {
    const said = compare([REQUANT, LANE, DOT, WIDE]);
    expect(said.slice(0, 3)).toEqual(Array.from({ length: 3 }, () => '20000 cycles equal'));
    // the comparison finds faults of a synthesizer
    expect(said[3]).toMatch(/^cycle \d+ differs$/);
  }, 240_000);
});
