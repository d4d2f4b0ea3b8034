import { describe, expect, test } from '@jest/globals';
import { elementCount, type Program, type Tensor } from '../../../ir/index.ts';
import { at, unwrap } from '../../../support/index.ts';
import { NetworkBuilder } from '../dataflow/testing/builder.ts';
import type { FpgaProgram } from '../program.ts';
import { findTool } from './toolchain.ts';
import { compileTraced, referenceValues, traceOnSimulator, traceOnVerilog, type TraceReport } from './trace.ts';

// Every step's tensor in memory, not only the outputs, is the reference's: in the simulator of instructions and commands, and on the Verilog.

const has = findTool('verilator').ok;
if (!has)
  console.warn('Layers are compared in the simulator alone, not on the Verilog: there is no verilator (apt-get install verilator).');

const same = { kernel: [3, 3], pads: [1, 1, 1, 1] } as const;

/** Pictures with channels last, convs of every kind, a sum, a concatenation, a table of the processor's softmax. */
const mixed = (): { readonly program: Program; readonly inputs: readonly Tensor[] } => {
  const n = new NetworkBuilder('mixed', 5);
  const image = n.emit('transpose', [n.input([1, 10, 12, 3])], { perm: [0, 3, 1, 2] });
  const a = n.layer(image, { channels: 20, ...same });
  const b = n.add(a, n.layer(n.layer(a, { channels: 20, ...same, groups: 20 }, -90), { channels: 20, kernel: [1, 1] }));
  const c = n.emit('concat', [n.layer(b, { channels: 16, kernel: [1, 1] }), n.layer(b, { channels: 24, ...same })], { axis: 1 });
  const d = n.emit('max_pool', [c], { kernel: [2, 2], stride: [2, 2], dilation: [1, 1], pads: [0, 0, 0, 0] });
  const mean = n.emit('average_pool', [d], { kernel: [5, 6], stride: [1, 1], dilation: [1, 1], pads: [0, 0, 0, 0] });
  const logits = n.rescale(n.dense(n.emit('reshape', [mean], { shape: [1, 40] }), 10), 40);
  return { program: n.finish([n.softmax(logits)]), inputs: [n.numbers.tensor('i8', [1, 10, 12, 3], -128, 127)] };
};

const { program: source, inputs } = mixed();
const program = unwrap(compileTraced(source));
const expected = referenceValues(program, inputs);
/** Building the simulator takes minutes on a busy machine. */
const TIMEOUT_MS = 600_000;

/** The program with a wrong byte in the weights of a layer. */
const damaged = (): FpgaProgram => {
  // of 24 channels made of 20 by 3 x 3 taps: 2 blocks of 9 x 2 entries
  const weights = program.parts.find((p) => p.bytes.length === 2 * 9 * 2 * 256);
  const parts = program.parts.map((part) =>
    part === weights ? { ...part, bytes: Uint8Array.from(part.bytes, (x, i) => (i === 0 ? x ^ 64 : x)) } : part,
  );
  return { ...program, parts };
};

const whole = (report: TraceReport): void => {
  expect(report.difference).toBeUndefined();
  expect(report.weak).toEqual([]);
  // all steps but the permutation, which nobody reads but as it was
  const steps = program.steps.filter(({ op }) => op !== 'transpose');
  expect(new Set(report.tensors.map((t) => t.place))).toEqual(new Set(steps.map((s) => s.place)));
  expect(report.bytes).toBe(steps.flatMap((s) => s.results?.[0] ?? []).reduce((n, r) => n + elementCount(r.shape), 0));
};

describe('every step of a program', () => {
  test('is the reference’s in the simulator', () => {
    whole(traceOnSimulator(program, inputs, expected));
  });
  test('lies in both forms where the processor reads what the array made', () => {
    const kinds = new Set(program.steps.flatMap(({ results = [] }) => results.map((r) => r.layout.kind)));
    expect(kinds).toEqual(new Set(['blocks', 'rows']));
  });
  test('is told when it differs: the first by name, and what follows from it', () => {
    const report = traceOnSimulator(damaged(), inputs, expected);
    const wrong = report.tensors.filter((t) => t.wrong > 0);
    expect(wrong.length).toBeGreaterThan(1);
    expect(report.difference).toContain(at(wrong, 0).place);
    expect(report.difference).toMatch(/: \d+ of \d+ elements differ, element \d+: bytes \d+ instead of \d+/);
    expect(report.tensors.findIndex((t) => t.wrong > 0)).toBeGreaterThan(2);
  });
  (has ? test : test.skip)(
    'is the reference’s on the Verilog',
    () => {
      whole(unwrap(traceOnVerilog(program, inputs, expected)));
    },
    TIMEOUT_MS,
  );
});
