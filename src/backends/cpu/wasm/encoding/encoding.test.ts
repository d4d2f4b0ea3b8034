import { describe, expect, test } from '@jest/globals';
import binaryen from 'binaryen';
import { opUses } from '../../../../../tests/support/op-uses.ts';
import { unwrap } from '../../../../support/index.ts';
import { buildModule } from '../compile.ts';
import type { Kind, NamespaceName, Ref } from '../../simd/index.ts';
import { WasmMachine } from '../wasm-machine.ts';
import { longBytes, signedBytes, unsignedBytes } from './bytes.ts';
import { INSTRUCTIONS } from './opcodes.ts';

const FEATURES =
  binaryen.Features.SIMD128 |
  binaryen.Features.RelaxedSIMD |
  binaryen.Features.Atomics |
  binaryen.Features.BulkMemory |
  binaryen.Features.BulkMemoryOpt |
  binaryen.Features.NontrappingFPToInt |
  binaryen.Features.SignExt;

declare const WebAssembly: { validate(bytes: Uint8Array): boolean };

/** The kinds that instructions may take and give. */
const KINDS: readonly Kind[] = ['i32', 'i64', 'f32', 'f64', 'v128'];

/** A module with one function that does an instruction on its arguments. */
const moduleOf = (instruction: string, params: readonly Kind[], result: Kind): Uint8Array => {
  const m = new WasmMachine();
  const [space, ...path] = instruction.split('.');
  const value = m.op(
    space as NamespaceName,
    path.join('.'),
    params.map((k, i) => m.get(i, k)),
  );
  m.define({ name: 'f', params, result, locals: [], statements: [], value });
  return m.finish(['f']);
};

/** What binaryen reads in it, as its own text; undefined where the module is not valid. */
const readBy = (bytes: Uint8Array): string | undefined => {
  let module: binaryen.Module | undefined;
  try {
    module = binaryen.readBinary(bytes);
    module.setFeatures(FEATURES);
    return module.validate() === 1 ? module.emitText() : undefined;
  } catch {
    return undefined;
  } finally {
    module?.dispose();
  }
};

/** Names of the text format that are not those of binaryen's builders. */
const textName = (instruction: string): string => {
  const [space = '', ...path] = instruction.split('.');
  const [name = '', from] = path;
  const written = name
    .replace('saturate', 'sat')
    .replace(/^trunc_([su])_sat$/, 'trunc_sat')
    .replace(/^(trunc|convert)_[su]$/, '$1');
  const sign = /_([su])(_sat)?$/.exec(name)?.[1];
  if (from !== undefined) return `${space}.${written}_${from}_${sign ?? ''}`;
  const fixed: Readonly<Record<string, string>> = {
    'i32.wrap': 'i32.wrap_i64',
    'i64.extend_s': 'i64.extend_i32_s',
    'i64.extend_u': 'i64.extend_i32_u',
    'f32.demote': 'f32.demote_f64',
    'f64.promote': 'f64.promote_f32',
    'i32.reinterpret': 'i32.reinterpret_f32',
    'i64.reinterpret': 'i64.reinterpret_f64',
    'f32.reinterpret': 'f32.reinterpret_i32',
    'f64.reinterpret': 'f64.reinterpret_i64',
    'i32x4.relaxed_dot_i8x16_i7x16_add_s': 'i32x4.relaxed_dot_i8x16_i7x16_add_s',
  };
  return fixed[instruction] ?? `${space}.${written}`;
};

/** Lists of so many kinds. */
const listsOf = (length: number): readonly (readonly Kind[])[] =>
  length === 0 ? [[]] : listsOf(length - 1).flatMap((list) => KINDS.map((k) => [...list, k]));

test('each instruction is the one of its name', () => {
  const wrong: string[] = [];
  for (const instruction of INSTRUCTIONS.keys()) {
    const taken = [1, 2, 3].flatMap(listsOf).flatMap((params) => KINDS.map((result) => ({ params, result })));
    // the engine refuses wrong operands sooner than binaryen reads them
    const valid = taken.find(({ params, result }) => {
      const bytes = moduleOf(instruction, params, result);
      return WebAssembly.validate(bytes) || isRelaxed(instruction, params, result);
    });
    const text = valid === undefined ? undefined : readBy(moduleOf(instruction, valid.params, valid.result));
    if (text?.includes(`(${textName(instruction)}\n`) !== true) wrong.push(`${instruction}: ${text ?? 'not valid'}`);
  }
  expect(wrong).toEqual([]);
});

/** Engines may lack this one. */
const isRelaxed = (instruction: string, params: readonly Kind[], result: Kind): boolean =>
  instruction.includes('relaxed') && params.length === 3 && params.every((k) => k === 'v128') && result === 'v128';

test('accesses, control and words that threads share are read as they are meant', () => {
  const m = new WasmMachine({ shared: true });
  const zero = (): Ref => m.constant('i32', 0);
  m.define({
    name: 'callee',
    params: ['i64', 'f32', 'f64'],
    result: 'i32',
    locals: [],
    statements: [],
    value: m.constant('i32', -(2 ** 31)),
  });
  const call = m.call('callee', [m.constant('i64', -(2n ** 63n)), m.constant('f32', -0.5), m.constant('f64', 1e300)]);
  const lane = m.loadLane(16, 70000, 5, zero(), m.zeroVector());
  const statements = [
    m.while(m.get(0), [m.set(0, m.op('i32', 'sub', [m.get(0), m.constant('i32', 1)])), m.store('i16', 3, zero(), call)]),
    m.if(m.get(0), [m.copy(zero(), zero(), m.get(1))], [m.fill(zero(), zero(), m.get(1))]),
    m.atomicStore(zero(), m.atomicAdd(zero(), m.atomicLoad(zero()))),
    m.drop(m.notify(zero(), m.wait(zero(), m.constant('i32', 7), m.constant('i64', -1n)))),
    m.vectorStore(16, zero(), m.shuffle(m.bitselect(lane, m.zeroVector(), m.zeroVector()), m.zeroVector(), [...new Uint8Array(16).keys()])),
    m.storeLane(64, 8, 1, zero(), m.vectorLoad('load32_zero', 4, zero())),
    m.if(m.extractLane('i32x4', m.zeroVector(), 3), [m.return(m.select(m.get(0), m.get(1), m.load('u8', 128, zero())))]),
    m.unreachable(),
  ];
  m.define({ name: 'f', params: ['i32', 'i32'], result: 'i32', locals: ['v128', 'v128', 'i32'], statements, value: undefined });
  const text = readBy(m.finish(['f'])) ?? '';
  for (const part of [
    '(memory $mimport$0 1 65536 shared)',
    'i64.const -9223372036854775808',
    'i32.const -2147483648',
    'f32.const -0.5',
    'f64.const 1.e+300',
    'i32.store16 offset=3 align=1',
    'v128.load16_lane offset=70000 align=1 5',
    'v128.store64_lane offset=8 align=1 1',
    'v128.load32_zero offset=4 align=1',
    'i32x4.extract_lane 3',
    'i32.load8_u offset=128',
    'memory.copy',
    'memory.fill',
    'i32.atomic.rmw.add',
    'memory.atomic.wait32',
    'memory.atomic.notify',
  ])
    expect([part, text.includes(part)]).toEqual([part, true]);
});

describe('numbers', () => {
  test.each([
    [0, [0]],
    [127, [127]],
    [128, [0x80, 1]],
    [2 ** 32 - 1, [0xff, 0xff, 0xff, 0xff, 0x0f]],
  ])('%d without sign', (value, bytes) => expect(unsignedBytes(value)).toEqual(bytes));
  test.each([
    [0n, [0]],
    [63n, [63]],
    [64n, [0xc0, 0]],
    [-1n, [0x7f]],
    [-64n, [0x40]],
    [-65n, [0xbf, 0x7f]],
    [-(2n ** 31n), [0x80, 0x80, 0x80, 0x80, 0x78]],
    [-(2n ** 63n), [0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x7f]],
  ])('%d with sign', (value, bytes) => {
    expect(longBytes(value)).toEqual(bytes);
    if (BigInt.asIntN(32, value) === value) expect(signedBytes(Number(value))).toEqual(bytes);
  });
});

test('binaryen finds the modules of all ops valid, with and without threads', () => {
  // one sample of each op: what the engine takes is tested everywhere
  const seen = new Set<string>();
  for (const { name, program } of opUses()) {
    const [op = name] = name.split(' ');
    if (seen.has(op)) continue;
    seen.add(op);
    for (const threads of [1, 2]) {
      const { binary } = unwrap(buildModule(program, { threads }));
      expect([name, threads, readBy(binary) !== undefined]).toEqual([name, threads, true]);
    }
  }
  expect(seen.size).toBeGreaterThan(100);
});
