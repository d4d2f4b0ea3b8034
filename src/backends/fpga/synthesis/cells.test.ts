import { describe, expect, test } from '@jest/globals';
import { resourcesOf, unknownCells } from './cells.ts';
import { findYosys, synthesize } from './yosys.ts';
import { unwrap } from '../../../support/index.ts';

// Counts of cells against counts by hand.

test('cells of Xilinx', () => {
  const cells = {
    LUT1: 1,
    LUT6: 3,
    RAM32M: 2,
    FDRE: 5,
    FDSE: 1,
    DSP48E2: 4,
    RAMB18E2: 3,
    RAMB36E2: 2,
    URAM288: 1,
    CARRY8: 9,
    MUXF7: 4,
    INV: 2,
  };
  expect(resourcesOf(cells)).toEqual({ luts: 12, registers: 6, dsps: 4, memories: 3.5, urams: 1 });
});

test('cells of Altera: a third, half or all of a DSP block', () => {
  const cells = {
    MISTRAL_ALUT6: 3,
    MISTRAL_ALUT2: 4,
    MISTRAL_ALUT_ARITH: 2,
    MISTRAL_MLAB: 2,
    MISTRAL_FF: 7,
    MISTRAL_MUL9X9: 4,
    MISTRAL_MUL18X18: 1,
    MISTRAL_M10K: 6,
  };
  expect(resourcesOf(cells)).toEqual({ luts: 11, alms: 7, registers: 7, dsps: 2, memories: 6, urams: 0 });
});

test('three products of 9 x 9 are one block, and no more', () => {
  expect(resourcesOf({ MISTRAL_MUL9X9: 3 }).dsps).toBe(1);
  expect(resourcesOf({ MISTRAL_MUL9X9: 272, MISTRAL_MUL18X18: 16 }).dsps).toBe(99);
});

test('a cell that no list has is told', () => {
  expect(unknownCells({ LUT6: 1, MISTRAL_FF: 1, $mul: 1, RAMB36E1: 1 })).toEqual(['$mul']);
});

const MULTIPLIER = `\`timescale 1ns/1ps
\`default_nettype none
module product #(parameter W = 8) (input wire clk, input wire signed [W-1:0] a, input wire signed [W-1:0] b, output reg signed [2*W-1:0] y);
  always @(posedge clk) y <= a * b;
endmodule
`;

const yosys = findYosys();
if (yosys === undefined) console.warn('Synthesis is not tested: there is no yosys (Debian: apt-get install yosys).');
(yosys === undefined ? describe.skip : describe)('yosys', () => {
  test('a product is one DSP slice of Xilinx and a third of a block of Cyclone V', () => {
    const job = { top: 'product', files: [{ name: 'product.v', text: MULTIPLIER }], parameters: { W: 9 } };
    expect(unwrap(synthesize({ ...job, family: 'xc7' })).resources.dsps).toBe(1);
    const altera = unwrap(synthesize({ ...job, family: 'cyclonev' }));
    expect(altera.cells['MISTRAL_MUL9X9']).toBe(1);
    expect(altera.resources.dsps).toBe(1);
  });

  test('what yosys does not take is told with its words', () => {
    const made = synthesize({
      top: 'product',
      files: [{ name: 'product.v', text: 'module product; wire a = ; endmodule' }],
      family: 'xc7',
    });
    expect(made.ok).toBe(false);
    if (!made.ok) {
      expect(made.diagnostics[0]?.code).toBe('FPG0011');
      expect(made.diagnostics[0]?.notes.join('\n')).toContain('syntax error');
    }
  });
});
