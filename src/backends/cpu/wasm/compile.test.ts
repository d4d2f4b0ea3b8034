import { beforeAll, describe, expect, test } from '@jest/globals';
import { ProgramBuilder, type Tensor } from '../../../ir/index.ts';
import { BACKENDS, backendByName, loadBackend, supportRows } from '../../index.ts';
import { buildModule } from './compile.ts';
import { compileModule } from './runtime/engine.ts';
import { wasmBackend } from './index.ts';

beforeAll(() => wasmBackend.prepare?.());

const chain = (length: number, shape: readonly number[]) => {
  const b = new ProgramBuilder('chain');
  let x = b.input('x', { dtype: 'i8', shape });
  for (let i = 0; i < length; i++) x = b.emit('clamp', [x], { lo: -(i % 100), hi: i % 100 });
  b.output('y', x);
  return b.finish();
};

describe('registry', () => {
  test('names, near misses and readiness', async () => {
    expect(BACKENDS.map((b) => b.name)).toEqual(['wasm', 'native', 'reference', 'cuda', 'hip', 'webgpu', 'gpujs', 'fpga-sim']);
    expect(backendByName('wasm')).toBe(wasmBackend);
    expect(backendByName('cuda2')).toBeUndefined();
    const missing = await loadBackend('wasn');
    expect(missing.ok ? [] : missing.diagnostics).toMatchObject([{ code: 'BKD0001', notes: ['Did you mean wasm?', expect.any(String)] }]);
    expect((await loadBackend('wasm')).ok).toBe(true);
  });
  test('the support matrix has every op once a backend, and a reason for every refusal', () => {
    const rows = supportRows();
    expect(new Set(rows.map((r) => `${r.backend}/${r.op}`)).size).toBe(rows.length);
    for (const r of rows) expect(r.status === 'refused').toBe(r.reason !== undefined);
    const status = (op: string) => rows.find((r) => r.backend === 'wasm' && r.op === op)?.status;
    expect([status('conv'), status('mul_rescale'), status('batch_norm')]).toEqual(['primitive', 'fast', 'composite']);
  });
});

describe('memory', () => {
  test('a program above 4 GiB is refused before anything is allocated', () => {
    const b = new ProgramBuilder('big');
    const x = b.input('x', { dtype: 'i8', shape: [2 ** 30] });
    b.output('y', b.emit('cast', [x], { dtype: 'i32' }));
    const result = wasmBackend.compile(b.finish());
    expect(result.ok ? [] : result.diagnostics.map((d) => d.code)).toEqual(['BKD0003']);
  });
  test('buffers of a chain are used again', () => {
    // 200 tensors of four pages each
    const built = buildModule(chain(200, [512, 512]));
    expect(built.ok ? built.value.info.pages : 0).toBe(13);
  });
  test('a symbolic dimension is named', () => {
    const b = new ProgramBuilder('symbol');
    b.output('y', b.emit('relu', [b.input('x', { dtype: 'f32', shape: ['N', 3] })], {}));
    const result = wasmBackend.compile(b.finish());
    expect(result.ok ? [] : result.diagnostics).toMatchObject([{ code: 'IR0008', message: expect.stringContaining('f32[N, 3]') }]);
  });
  test('tensors that do not fit the inputs are IR0010', () => {
    const compiled = wasmBackend.compile(chain(1, [4]));
    if (!compiled.ok) throw new Error('does not compile');
    const short: Tensor = { dtype: 'i8', shape: [3], data: new Int8Array(3) };
    expect(() => compiled.value.run([short])).toThrow(expect.objectContaining({ code: 'IR0010' }));
  });
});

describe('refusals', () => {
  const codes = (b: ProgramBuilder): string[] => {
    const result = wasmBackend.compile(b.finish());
    return result.ok ? [] : result.diagnostics.map((d) => `${d.code} ${d.where ?? ''}`);
  };
  test('all nodes that ask for absurd tables are named at once', () => {
    const b = new ProgramBuilder('absurd');
    const x = b.input('x', { dtype: 'i8', shape: [1, 1, 1, 1] });
    const window = { kernel: [65536, 65536], stride: [1, 1], dilation: [1, 1], pads: [32768, 32768, 32767, 32767] };
    b.output('max', b.emit('max_pool', [x], window, 'first'));
    b.output('mean', b.emit('average_pool', [x], window, 'second'));
    expect(codes(b)).toEqual(['BKD0002 first (max_pool)', 'BKD0002 second (average_pool)']);
  });
  test('more operands than a function can have', () => {
    const b = new ProgramBuilder('wide');
    const x = b.input('x', { dtype: 'i8', shape: [1] });
    const xs = new Array<typeof x>(400).fill(x);
    b.output('y', b.emit('add_rescale', xs, { multipliers: xs.map(() => 1), zeros: xs.map(() => 0), shift: 4, output_zero: 0 }, 'sum'));
    expect(codes(b)).toEqual(['BKD0002 sum (add_rescale)']);
  });
  test('what the engine does not compile is a reason, not an exception', () => {
    expect(compileModule(Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0, 99))).toEqual({
      refusal: expect.stringContaining('section length'),
    });
  });
});

test('an op of thousands of operands', () => {
  const b = new ProgramBuilder('long');
  const x = b.input('x', { dtype: 'i8', shape: [2, 3] });
  b.output('y', b.emit('concat', new Array<typeof x>(20_000).fill(x), { axis: 1 }));
  const compiled = wasmBackend.compile(b.finish());
  if (!compiled.ok) throw new Error('does not compile');
  const [y] = compiled.value.run([{ dtype: 'i8', shape: [2, 3], data: Int8Array.of(1, 2, 3, 4, 5, 6) }]);
  const row = (v: number[]): number[] => new Array<number[]>(20_000).fill(v).flat();
  expect(Array.from(y?.data ?? [])).toEqual([...row([1, 2, 3]), ...row([4, 5, 6])]);
});

test('two executables of one process do not share memory', () => {
  const [a, b] = [wasmBackend.compile(chain(5, [8])), wasmBackend.compile(chain(9, [8]))];
  if (!a.ok || !b.ok) throw new Error('does not compile');
  const x: Tensor = { dtype: 'i8', shape: [8], data: Int8Array.of(9, -9, 3, 0, 0, 0, 0, 0) };
  const first = a.value.run([x])[0];
  b.value.run([x]);
  expect(Array.from(first?.data ?? [])).toEqual(Array.from(a.value.run([x])[0]?.data ?? []));
});

test('results without copies are the same, and hold until the next run', () => {
  const b = new ProgramBuilder('clamp');
  b.output('y', b.emit('clamp', [b.input('x', { dtype: 'i8', shape: [8] })], { lo: -5, hi: 6 }));
  const compiled = wasmBackend.compile(b.finish());
  if (!compiled.ok || compiled.value.look === undefined) throw new Error('does not compile');
  const x = (sign: number): Tensor => ({ dtype: 'i8', shape: [8], data: Int8Array.of(9, -9, 3, 0, 1, 2, -3, 4).map((v) => sign * v) });
  const kept = compiled.value.run([x(1)]);
  const seen = compiled.value.look([x(1)]);
  expect(seen).toEqual(kept);
  const before = Array.from(kept[0]?.data ?? []);
  expect(compiled.value.look([x(-1)])[0]?.data.buffer).toBe(seen[0]?.data.buffer);
  expect(Array.from(kept[0]?.data ?? [])).toEqual(before);
  expect(Array.from(seen[0]?.data ?? [])).not.toEqual(before);
});
