import { expect, test } from '@jest/globals';
import { ProgramBuilder, StoredTensor, TensorDesk } from '../../../ir/index.ts';
import { wasmBackend } from '../wasm/index.ts';

test('a program above 4 GiB tells which parameters are the largest, and reads none of them', async () => {
  await wasmBackend.prepare?.();
  const desk = new TensorDesk(() => {
    throw new RangeError('a parameter is read');
  });
  const b = new ProgramBuilder('big');
  const index = b.input('i', { dtype: 'i32', shape: [1] });
  const rows = [5, 6, 7, 1, 2, 3].map((n) => {
    const table = new StoredTensor({ dtype: 'i8', shape: [n, 2 ** 28] }, { pieces: () => [] }, desk);
    return b.emit('gather', [b.param(`table${n}`, table), index], { axis: 0 });
  });
  b.output('y', b.emit('concat', rows, { axis: 0 }));
  const compiled = wasmBackend.compile(b.finish());
  const [problem] = compiled.ok ? [] : compiled.diagnostics;
  expect(problem?.code).toBe('BKD0003');
  expect(problem?.message).toContain('reach 4294967296; its 6 parameters have 6442450944 bytes');
  expect(problem?.notes[0]).toBe(
    'The largest parameters: table7 (1879048192 bytes), table6 (1610612736 bytes), table5 (1342177280 bytes), table3 (805306368 bytes), table2 (536870912 bytes) and 1 more.',
  );
  expect(problem?.notes[1]).toContain('--backend native');
});
