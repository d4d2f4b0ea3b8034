import { expect, test } from '@jest/globals';
import type { Program, Tensor } from '../../../ir/index.ts';
import { DEFAULT_ARRAY } from '../array/config.ts';
import { NetworkBuilder } from '../dataflow/testing/builder.ts';
import { MODES, RESULTS } from '../isa/commands.ts';
import { differences, simulate } from './testing/simulated.ts';

// Pictures of few channels: the array brings the columns of a window row together first, where that is faster.

interface Picture {
  readonly channels: number;
  readonly outputs: number;
  readonly last?: boolean;
  readonly stride?: number;
  readonly kernel?: number;
}

const pictures = ({
  channels,
  outputs,
  last = false,
  stride = 1,
  kernel = 3,
}: Picture): { program: Program; inputs: readonly Tensor[] } => {
  const n = new NetworkBuilder('picture', 3);
  const shape = last ? [2, 11, 16, channels] : [2, channels, 11, 16];
  const x = n.input(shape);
  const image = last ? n.emit('transpose', [x], { perm: [0, 3, 1, 2] }) : x;
  const pads = [1, kernel - 2, 2, 1] as const;
  const y = n.layer(image, { channels: outputs, kernel: [kernel, kernel], stride: [stride, stride], pads }, -70);
  return { program: n.finish([y]), inputs: [n.numbers.tensor('i8', shape, -128, 127)] };
};

/** Commands that bring columns together: products that end as bytes. */
const gathers = (picture: Picture): number => {
  const { program, inputs } = pictures(picture);
  const { outputs, lists } = simulate(program, inputs, DEFAULT_ARRAY);
  expect(differences(program, inputs, outputs)).toEqual([]);
  const commands = lists.flatMap((list) => list.link().flat());
  return commands.filter((c) => c.op === 'compute' && c.mode === MODES.indexOf('dot') && c.result === RESULTS.indexOf('byte')).length;
};

test.each<Picture>([
  { channels: 3, outputs: 48 },
  { channels: 3, outputs: 64, stride: 2, kernel: 7 },
  { channels: 2, outputs: 40, stride: 2, kernel: 5 },
])('columns of planes are brought together: %j', (picture) => {
  expect(gathers(picture)).toBeGreaterThan(0);
});

test.each<Picture>([
  // channels of a pixel lie together already
  { channels: 3, outputs: 48, last: true },
  // few products for what it takes to bring them together
  { channels: 1, outputs: 8 },
])('columns are left where they are when nothing is gained: %j', (picture) => {
  expect(gathers(picture)).toBe(0);
});
