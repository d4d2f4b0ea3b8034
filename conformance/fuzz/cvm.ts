import { CarBufferReader } from '@ipld/car/buffer-reader';
import { CarBufferWriter } from '@ipld/car';
import * as dagCbor from '@ipld/dag-cbor';
import { CID } from 'multiformats/cid';
import * as Digest from 'multiformats/hashes/digest';
import {
  bytecodeCost,
  decodePackage,
  decodeProgram,
  disassemble,
  encodePackage,
  encodeProgram,
  isBytecode,
  type LoadParam,
  loadFrom,
  type MetadataInput,
} from '../../src/cvm-bytecode/index.ts';
import { DTYPE_INFO, elementCount } from '../../src/ir/index.ts';
import { at, diagnostic, fail, ok, type Result, sha256, unwrap } from '../../src/support/index.ts';
import { randomProgram } from '../../src/conformance/index.ts';
import { join, leb, mutateBytes, mutateGently } from './mutate.ts';
import type { Rng } from './rng.ts';
import { promise, sameBytes, type Target } from './target.ts';

const SEEDS = 24;
const METADATA: MetadataInput = {
  name: 'fuzz',
  author: 'nobody',
  description: 'Seed of the fuzzer.',
  labels: ['a', 'b'],
  licence: 'MIT',
  version: '1',
  source: { format: 'onnx', file: 'fuzz.onnx', sha256: '0'.repeat(64), opset: 13, compilerVersion: '0' },
};

interface Seed {
  readonly bytecode: Uint8Array;
  readonly file: Uint8Array;
  /** Blocks of the package; the root first. */
  readonly blocks: readonly Uint8Array[];
}

const RAW = 0x55;
const cidOf = (codec: number, bytes: Uint8Array): CID => CID.createV1(codec, Digest.create(0x12, sha256(bytes)));

/** A package of the given blocks whose names are all true. */
const assemble = (blocks: readonly Uint8Array[]): Uint8Array => {
  const named = blocks.map((bytes, i) => ({ cid: cidOf(i === 0 ? dagCbor.code : RAW, bytes), bytes }));
  const roots = [at(named, 0).cid];
  const headerSize = CarBufferWriter.headerLength({ roots });
  const size = named.reduce((n, b) => n + CarBufferWriter.blockLength(b), headerSize);
  const writer = CarBufferWriter.createWriter(new ArrayBuffer(size), { roots, headerSize });
  for (const block of named) writer.write(block);
  return writer.close();
};

/** Replaces the name of the old block by that of the new one wherever the root holds it. */
const renamed = (root: Uint8Array, from: Uint8Array, to: Uint8Array): Uint8Array => {
  const out = root.slice();
  const old = sha256(from);
  const name = sha256(to);
  for (let i = 0; i + 32 <= out.length; i++) if (sameBytes(out.subarray(i, i + 32), old)) out.set(name, i);
  return out;
};

/** Changes one block and makes all digests true, so that the change is seen behind them. */
const mutateBlock = (rng: Rng, seed: Seed, other: Seed): Uint8Array => {
  const index = rng.below(seed.blocks.length);
  const before = at(seed.blocks, index);
  const after = index === 2 ? mutateSection(rng, before, other.bytecode) : mutateBytes(rng, before, at(other.blocks, rng.below(3)));
  const blocks = seed.blocks.map((block, i) => (i === index ? after : block));
  if (index === 0) return assemble(blocks);
  return assemble([renamed(at(blocks, 0), before, after), ...blocks.slice(1)]);
};

/** Payloads of the sections of well-formed bytecode. */
const sectionsOf = (bytecode: Uint8Array): readonly Uint8Array[] => {
  const sections: Uint8Array[] = [];
  let i = 5;
  while (i < bytecode.length) {
    let length = 0;
    let scale = 1;
    for (i++; ; i++) {
      const byte = at(bytecode, i);
      length += (byte & 127) * scale;
      scale *= 128;
      if (byte < 128) break;
    }
    sections.push(bytecode.subarray(i + 1, i + 1 + length));
    i += 1 + length;
  }
  return sections;
};

/** Changes the payload of one section and makes the lengths true. */
const mutateSection = (rng: Rng, bytecode: Uint8Array, other: Uint8Array): Uint8Array => {
  if (rng.below(4) === 0) return mutateBytes(rng, bytecode, other);
  const index = rng.below(5);
  const mutate = rng.below(2) === 0 ? mutateGently : mutateBytes;
  const payloads = sectionsOf(bytecode).map((p, i) => (i === index ? mutate(rng, p, at(sectionsOf(other), index)) : p));
  return join(bytecode.subarray(0, 5), ...payloads.flatMap((p, i) => [Uint8Array.of(i + 1), leb(p.length), p]));
};

/** Every parameter by digest, of all seeds; unknown ones are zeros when small, so that the proof runs on them too. */
const loader = (loaders: readonly LoadParam[]): LoadParam => {
  return (ref, index) => {
    for (const load of loaders) {
      const found = load(ref, index);
      if (found.ok) return found;
    }
    const count = elementCount(ref.type.shape);
    return count <= 1 << 16
      ? ok({ ...ref.type, data: DTYPE_INFO[ref.type.dtype].make(count) })
      : fail(diagnostic('CVM1013', 'the fuzzer has no parameter of this size'));
  };
};

const checkBytecode = (input: Uint8Array, load: LoadParam): Result<unknown> => {
  const cost = bytecodeCost(input);
  const text = disassemble(input);
  promise(cost.ok === text.ok, 'cost and disassembly disagree whether the bytecode is well-formed');
  if (cost.ok) {
    const { operations, endorphin, memoryBytes } = cost.value;
    promise(
      [operations, endorphin, memoryBytes].every((n) => Number.isSafeInteger(n) && n >= 0),
      'a cost is not an exact number',
    );
  }
  const program = decodeProgram(input, load);
  promise(cost.ok || !program.ok, 'a program is decoded from bytecode that the verifier refuses');
  if (program.ok) promise(sameBytes(unwrap(encodeProgram(program.value)), input), 'the accepted bytecode does not encode to itself');
  return program;
};

const checkPackage = (input: Uint8Array): Result<unknown> => {
  const decoded = decodePackage(input);
  if (decoded.ok) {
    const again = unwrap(encodePackage({ program: decoded.value.program, metadata: decoded.value.metadata }));
    promise(sameBytes(again, input), 'the accepted package does not encode to itself');
  }
  return decoded;
};

/** Bytecode (with section lengths repaired) and packages (with digests repaired), three to one. */
export const cvmTarget = (): Target => {
  const programs = Array.from({ length: SEEDS }, (_, i) => randomProgram(i, 1 + (i % 6)));
  const seeds = programs.map((program): Seed => {
    const file = unwrap(encodePackage({ program, metadata: METADATA }));
    const blocks = CarBufferReader.fromBytes(file)
      .blocks()
      .map((b) => b.bytes);
    return { bytecode: at(blocks, 2), file, blocks };
  });
  const load = loader(programs.map(loadFrom));
  return {
    name: 'cvm',
    input: (rng) => {
      const seed = at(seeds, rng.below(SEEDS));
      const other = at(seeds, rng.below(SEEDS));
      const kind = rng.below(8);
      if (kind < 5) return mutateSection(rng, seed.bytecode, other.bytecode);
      return kind < 7 ? mutateBlock(rng, seed, other) : mutateBytes(rng, seed.file, other.file);
    },
    decode: (input) => (isBytecode(input) || input[0] === 0 ? checkBytecode(input, load) : checkPackage(input)),
  };
};
