import { expect, test } from '@jest/globals';
import { type ArrayConfig, DEFAULT_ARRAY } from '../array/config.ts';
import { type Command, COMMAND_BYTES, encodeCommand } from '../isa/commands.ts';
import { ArrayModel } from './array.ts';

const CONFIG: ArrayConfig = { ...DEFAULT_ARRAY, scratchBeats: 64, weightEntries: 4, parameterBlocks: 2 };
const DATA = 4096;

/** Memory with a list at 0, bytes 0, 1, 2… at DATA, and the model over it. */
const withList = (commands: readonly Command[], config = CONFIG): { readonly memory: Uint8Array; readonly model: ArrayModel } => {
  const memory = new Uint8Array(2 * DATA);
  const view = new DataView(memory.buffer);
  commands.forEach((command, i) => {
    encodeCommand(command).forEach((word, k) => {
      view.setUint32(i * COMMAND_BYTES + 4 * k, word, true);
    });
  });
  for (let i = 0; i < DATA; i++) memory[DATA + i] = i;
  return { memory, model: new ArrayModel(memory, config) };
};

const one = { planes: 1, rows: 1, beats: 1, chip_beat: 1 } as const;
const copy = { blocks: 1, rows: 1, columns: 1, inputs: 1, kernel_y: 1, kernel_x: 1, height: 1, width: 1, mode: 3, result: 2 } as const;

test('a load, a copy and a store, each waiting for the one before', () => {
  const { memory, model } = withList([
    { op: 'load', memory: DATA, ...one },
    { op: 'compute', ...copy, out_base: 7, wait_load: 1 },
    { op: 'store', memory: DATA + 1024, chip: 7, ...one, wait_compute: 1 },
  ]);
  const run = model.run(0, 3);
  expect(run.error).toBeUndefined();
  // a load of one beat, a copy and a store take their latencies at least
  expect(run.cycles).toBeGreaterThan(20 + 11 + 8);
  expect([...memory.subarray(DATA + 1024, DATA + 1040)]).toEqual(Array.from({ length: 16 }, (_, i) => i));
});

test.each<readonly [string, Command, string]>([
  ['a count of 0', { op: 'load', memory: DATA, planes: 1, rows: 1 }, 'BAD_COMMAND'],
  ['an address between beats', { op: 'load', memory: DATA + 8, ...one }, 'BAD_COMMAND'],
  ['a beat behind the activations', { op: 'load', memory: DATA, ...one, chip: 64 }, 'ARRAY_RANGE'],
  ['a result behind the activations', { op: 'compute', ...copy, out_base: 64 }, 'ARRAY_RANGE'],
  ['an address outside the image', { op: 'load', memory: 2 * DATA, ...one }, 'ADDRESS_RANGE'],
  ['a wait that nothing fulfils', { op: 'store', memory: DATA, ...one, wait_load: 1 }, 'BAD_COMMAND'],
  ['sums that are held for several results', { op: 'compute', ...copy, columns: 2, hold: 1 }, 'BAD_COMMAND'],
])('%s', (_, command, name) => {
  const { model } = withList(
    [{ op: 'load', memory: DATA, ...one, wait_load: 0 }, command].slice(command.op === 'store' ? 1 : 0) as Command[],
  );
  const count = command.op === 'store' ? 1 : 2;
  expect(model.run(0, count).error).toEqual({ name, info: (count - 1) * COMMAND_BYTES });
});

test('six bits of weights take part in products, and eight of activations', () => {
  const { memory, model } = withList(
    [
      { op: 'load', memory: DATA, ...one },
      { op: 'load', target: 1, memory: DATA + 2048, ...one, beats: 16 },
      { op: 'load', target: 2, memory: DATA + 3072, ...one, beats: 8 },
      { op: 'compute', ...copy, mode: 0, result: 1, out_base: 8, wait_load: 3 },
      { op: 'store', memory: DATA + 1024, chip: 8, ...one, beats: 4, wait_compute: 1 },
    ],
    { ...CONFIG, bits: 6 },
  );
  memory.fill(0, DATA + 2048, DATA + 4096);
  memory[DATA] = 0b0110_0001;
  memory[DATA + 2048] = 0b0011_1111;
  expect(model.run(0, 5).error).toBeUndefined();
  // 0b111111 is -1
  expect(new DataView(memory.buffer).getInt32(DATA + 1024, true)).toBe(-97);
});
