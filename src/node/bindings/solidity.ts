import type { DType } from '../../ir/index.ts';
import type { Binding, BoundPort } from './binding.ts';
import { harmless } from './names.ts';

/** How Solidity reads an element. */
const READERS: Readonly<Record<DType, { readonly type: string; readonly read: string; readonly argmax: string | undefined }>> = {
  i8: { type: 'int8', read: 'int8At', argmax: 'argmax8' },
  i6: { type: 'int8', read: 'int8At', argmax: 'argmax8' },
  u8: { type: 'uint8', read: 'uint8At', argmax: 'argmaxU8' },
  bool: { type: 'uint8', read: 'uint8At', argmax: undefined },
  i16: { type: 'int16', read: 'int16At', argmax: 'argmax16' },
  i32: { type: 'int32', read: 'int32At', argmax: 'argmax32' },
  f32: { type: 'bytes4', read: 'float32At', argmax: undefined },
};

/** More arguments than these do not fit on the stack of the EVM. */
const MOST_ARGUMENTS = 6;
/** Labels that a function holds; a longer list belongs outside of the chain. */
const MOST_LABELS = 256;

const typeText = (p: BoundPort): string => `${p.dtype}[${p.shape.join(', ')}]`;
/** Name of a constant: inputs and outputs may have the same names. */
const upper = (kind: 'in' | 'out', p: BoundPort): string => `${kind}_${p.identifier.replace(/([a-z0-9])([A-Z])/g, '$1_$2')}`.toUpperCase();

const constants = (ports: readonly BoundPort[], kind: 'in' | 'out'): readonly string[] =>
  ports.flatMap((p) => [
    `    /// @dev ${kind === 'in' ? 'Input' : 'Output'} ${harmless(p.name)}, ${typeText(p)}, row by row.`,
    `    uint256 internal constant ${upper(kind, p)}_COUNT = ${p.count};`,
    `    uint256 internal constant ${upper(kind, p)}_OFFSET = ${p.offset};`,
    `    uint256 internal constant ${upper(kind, p)}_BYTES = ${p.bytes};`,
  ]);

const runFunctions = ({ facts, inputs, inputBytes }: Binding): readonly string[] => {
  if (facts.seeded)
    return [
      `    /// @notice Runs the model on ${inputBytes} bytes that stand in storage, in ${Math.ceil(inputBytes / 32)} words; the chain gives the seed of its random ops.`,
      '    /// @param ops made by InferOps.deploy',
      '    function run(address ops, address model, uint256[] storage packed) internal returns (bytes memory outputs) {',
      '        return InferOps.inferArray(ops, model, packed, OUTPUT_BYTES);',
      '    }',
    ];
  const apart = inputs.length > 1 && inputs.length <= MOST_ARGUMENTS;
  const whole = [
    `    /// @notice Runs the model. @param packed ${inputs.map((p) => `${p.bytes} bytes of ${harmless(p.name)}`).join(', then ')}`,
    '    function run(address model, bytes memory packed) internal view returns (bytes memory outputs) {',
    '        if (packed.length != INPUT_BYTES) revert WrongLength(packed.length, INPUT_BYTES);',
    '        outputs = Infer.run(model, packed);',
    '        if (outputs.length != OUTPUT_BYTES) revert WrongLength(outputs.length, OUTPUT_BYTES);',
    '    }',
  ];
  if (!apart) return whole;
  return [
    ...whole,
    '',
    '    /// @notice Runs the model on its inputs.',
    `    function run(address model, ${inputs.map((p) => `bytes memory ${p.identifier}`).join(', ')}) internal view returns (bytes memory outputs) {`,
    ...inputs.map((p) => `        if (${p.identifier}.length != ${upper('in', p)}_BYTES) revert WrongLength(${p.identifier}.length, ${upper('in', p)}_BYTES);`),
    `        return run(model, bytes.concat(${inputs.map((p) => p.identifier).join(', ')}));`,
    '    }',
  ]; // biome-ignore format: lines of code
};

const readers = (outputs: readonly BoundPort[]): readonly string[] =>
  outputs.flatMap((p) => {
    const { type, read } = READERS[p.dtype];
    return [
      '',
      `    /// @notice Element of ${harmless(p.name)}, ${typeText(p)}, row by row.`,
      `    function ${p.identifier}At(bytes memory outputs, uint256 i) internal pure returns (${type}) {`,
      `        if (i >= ${upper('out', p)}_COUNT) revert WrongLength(i, ${upper('out', p)}_COUNT);`,
      `        return Infer.${read}(outputs, ${upper('out', p)}_OFFSET + ${p.elementBytes} * i);`,
      '    }',
    ];
  });

const classes = (b: Binding): readonly string[] => {
  const [first] = b.outputs;
  const argmax = first === undefined ? undefined : READERS[first.dtype].argmax;
  if (!b.isClassifier || first === undefined || argmax === undefined) return [];
  const { labels } = b.facts;
  const named = labels.length === first.count && labels.length <= MOST_LABELS;
  return [
    '',
    '    /// @notice The class with the greatest score; the first of equals.',
    '    function classOf(bytes memory outputs) internal pure returns (uint256) {',
    `        return Infer.${argmax}(outputs, ${upper('out', first)}_OFFSET, ${upper('out', first)}_COUNT);`,
    '    }',
    ...(named
      ? [
          '',
          '    /// @notice The name of a class.',
          '    function labelOf(uint256 class) internal pure returns (string memory) {',
          ...labels.map((l, i) => `        if (class == ${i}) return ${stringLiteral(l)};`),
          '        return "";',
          '    }',
        ]
      : []),
  ];
};

/** Anything as a string of Solidity: bytes that are no plain text by their number. */
const stringLiteral = (text: string): string =>
  `"${Array.from(new TextEncoder().encode(text.slice(0, 128)), (b) =>
    b >= 0x20 && b < 0x7f && b !== 0x22 && b !== 0x5c ? String.fromCharCode(b) : `\\x${b.toString(16).padStart(2, '0')}`,
  ).join('')}"`;

/** A library in Solidity for a model; it imports Infer.sol and, for a model with random ops, InferOps.sol. */
export const solidityBinding = (b: Binding): string => {
  const { facts } = b;
  const ports = (list: readonly BoundPort[]): string => list.map((p) => `${harmless(p.name)} ${typeText(p)}`).join(', ');
  const lines = [
    '// SPDX-License-Identifier: Apache-2.0',
    '// Generated by cortexc bind: do not edit.',
    'pragma solidity ^0.8.20;',
    '',
    'import "./Infer.sol";',
    ...(facts.seeded ? ['import "./InferOps.sol";'] : []),
    '',
    `/// @title The model ${harmless(facts.name)}.`,
    `/// @notice From ${ports(b.inputs)} to ${ports(b.outputs)}. Packed: the most significant byte of an element first, no gaps.`,
    `library ${b.name} {`,
    '    /// @notice SHA-256 of the root of the package.',
    `    bytes32 internal constant MODEL_HASH = 0x${facts.hash};`,
    ...(facts.address === undefined ? [] : ['    /// @notice Where the chain has it.', `    address internal constant MODEL = ${checksummed(facts.address)};`]),
    '    /// @notice Gas of a run, beside what its input and output take.',
    `    uint256 internal constant RUN_GAS = ${facts.gas};`,
    `    uint256 internal constant INPUT_BYTES = ${b.inputBytes};`,
    `    uint256 internal constant OUTPUT_BYTES = ${b.outputBytes};`,
    ...constants(b.inputs, 'in'),
    ...constants(b.outputs, 'out'),
    '',
    '    error WrongLength(uint256 given, uint256 wanted);',
    '',
    ...runFunctions(b),
    ...readers(b.outputs),
    ...classes(b),
    '}',
    '',
  ]; // biome-ignore format: lines of code
  return lines.join('\n');
};

/** An address that Solidity takes as such whatever its checksum: the number of 160 bits is converted. */
const checksummed = (address: string): string => `address(uint160(uint256(0x${address.replace(/^0x/, '').padStart(64, '0')})))`;
