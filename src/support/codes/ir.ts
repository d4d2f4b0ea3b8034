import type { CodeInfo } from './info.ts';

export const irCodes = {
  IR0001: {
    title: 'op used with the wrong number of operands',
    explain: 'Every op declares its operands (docs/ops.md). Optional operands come last; variadic ops take one or more.',
    exit: 3,
  },
  IR0002: {
    title: 'attribute value outside its schema',
    explain: 'Every op declares its attributes with type and range (docs/ops.md).',
    exit: 3,
  },
  IR0003: {
    title: 'value used before it is defined',
    explain: 'Nodes stand in topological order; each operand is an input, a parameter or an earlier result.',
    exit: 3,
  },
  IR0004: {
    title: 'value type differs from what its op infers',
    explain: 'The stored type of a result must equal the inferred one.',
    exit: 3,
  },
  IR0005: {
    title: 'parameter data does not fit its type',
    explain: 'A parameter holds exactly the number of elements of its shape, in the range of its dtype; NaN is not allowed.',
    exit: 3,
  },
  IR0006: { title: 'name used twice', explain: 'Inputs, outputs and parameters have unique names.', exit: 3 },
  IR0007: { title: 'tensor too large', explain: 'A tensor holds fewer than 2^31 elements and has at most 8 dimensions.', exit: 5 },
  IR0008: {
    title: 'symbolic dimension is not bound',
    explain: 'Running and lowering need every dimension as a number: bind it (--bind N=1).',
    exit: 3,
  },
  IR0009: { title: 'program has no output', explain: 'A model has at least one output.', exit: 3 },
  IR0010: {
    title: 'input tensor does not fit the program',
    explain: 'The number, dtype and shape of the given tensors must equal those the program declares.',
    exit: 3,
  },
  IR0011: {
    title: 'accumulator may overflow',
    explain:
      'The interval proof could not show that the integer accumulator stays within int32 for all inputs. Use fewer bits, smaller weights or a split reduction.',
    exit: 3,
  },
  IR0012: {
    title: 'shipped bound is wrong',
    explain: 'The proof that came with the program claims tighter bounds than the weights allow.',
    exit: 3,
  },
} as const satisfies Record<string, CodeInfo>;
