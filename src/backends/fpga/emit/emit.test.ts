import { expect, test } from '@jest/globals';
import { type Program, ProgramBuilder, randomTensor, Philox, type Tensor } from '../../../ir/index.ts';
import { type Diagnostic, unwrap } from '../../../support/index.ts';
import type { EmittedFile } from '../../backend.ts';
import { emitForFpga } from './emit.ts';

// A dense layer of 64 inputs and 32 outputs with weights of a given size.

const [INPUTS, OUTPUTS] = [64, 32];

const dense = (largest: number): Program => {
  const b = new ProgramBuilder('dense');
  const x = b.input('x', { dtype: 'i8', shape: [1, INPUTS] });
  const data = Int8Array.from({ length: INPUTS * OUTPUTS }, (_, i) => (i % (2 * largest + 1)) - largest);
  const weights: Tensor = { dtype: 'i8', shape: [OUTPUTS, INPUTS], data };
  b.output('y', b.emit('dense', [x, b.constant(weights)], {}));
  return b.finish();
};

const emitted = (program: Program, bits: 6 | 8): { readonly files: readonly EmittedFile[]; readonly warnings: readonly Diagnostic[] } => {
  const warnings: Diagnostic[] = [];
  const inputs = [randomTensor({ dtype: 'i8', shape: [1, INPUTS] }, new Philox(1))];
  const files = unwrap(emitForFpga(program, [inputs], { device: 'zu3eg', bits, warn: (w) => warnings.push(w) }));
  return { files, warnings };
};

interface Report {
  readonly layers: readonly { readonly unit: string; readonly moved?: number; readonly bound?: string; readonly roofline?: number }[];
}
const reportIn = (files: readonly EmittedFile[]): Report =>
  JSON.parse(String(files.find((f) => f.name === 'report.json')?.content)) as Report;

test('an array of 6 bits warns of layers whose weights need more, with their extremes', () => {
  const { files, warnings } = emitted(dense(40), 6);
  expect(warnings).toMatchObject([
    { code: 'FPG0022', severity: 'warning', message: expect.stringContaining('1 layer runs on the processor') },
  ]);
  expect(warnings[0]?.notes.join('\n')).toContain('weights from -40 to 40');
  expect(reportIn(files).layers).toMatchObject([{ unit: 'processor' }]);
});

test.each([
  ['weights of 6 bits', 31, 6],
  ['an array of 8 bits', 40, 8],
] as const)('no warning of %s', (_, largest, bits) => {
  const { files, warnings } = emitted(dense(largest), bits);
  expect(warnings).toEqual([]);
  const [layer] = reportIn(files).layers;
  expect(layer).toMatchObject({ unit: 'array', bound: 'memory' });
  // all weights are loaded, once, with less than 64 beats of inputs, outputs and parameters
  expect(layer?.moved).toBeGreaterThan(INPUTS * OUTPUTS);
  expect(layer?.moved).toBeLessThan(INPUTS * OUTPUTS + 64 * 16);
  expect(layer?.roofline).toBeGreaterThan(0.2);
});
