import { canonicalPieces, DTYPE_INFO, elementCount, type Port, type Program, type ValueId } from '../../ir/index.ts';
import { at, diagnostic, fail, invariant, ok, type Result } from '../../support/index.ts';
import { type Functions, type Lowered, lowerProgram, PAGE_BYTES, type Slot, writeFunctions } from '../cpu/simd/index.ts';
import { planProgram } from '../plan/index.ts';
import type { RegisterLimits } from './codegen/allocate.ts';
import { link } from './codegen/link.ts';
import { FpgaMachine } from './codegen/machine.ts';
import type { FunctionCode, LinkedInstruction } from './codegen/virtual.ts';
import { CODE_ALIGNMENT, crcOf, type ImageHeader, NO_ARRAY, writeHeader } from './isa/image.ts';
import type { FpgaPort, FpgaProgram, FpgaResult, ImagePart } from './program.ts';
import { type FpgaRows, processorRows } from './rows.ts';

export interface FpgaOptions {
  /** Rows for a machine; the processor's alone when absent. */
  readonly rows?: (machine: FpgaMachine, trace: boolean) => FpgaRows;
  /** Has every result of a step in memory after a run, and says where. */
  readonly trace?: boolean;
  /** For tests of spilling. */
  readonly registers?: RegisterLimits;
}

const LIMIT_ALIGNMENT = 4096;
/** The limit is a word of the header. */
const MOST_LIMIT = 2 ** 32 - LIMIT_ALIGNMENT;
const INIT = '$init';
const RUN = '$run';

const aligned = (n: number, unit: number): number => Math.ceil(n / unit) * unit;

const plain = (op: LinkedInstruction['op'], fields: Partial<LinkedInstruction> = {}): LinkedInstruction => ({
  op,
  rd: 0,
  ra: 0,
  rb: 0,
  rc: 0,
  imm: 0,
  ...fields,
});

/** Code that calls functions in order, and ends. @param marks - whether each is a step of the run */
const entry = (name: string, calls: readonly string[], functions: ReadonlyMap<string, FunctionCode>, marks: boolean): FunctionCode => {
  const code = calls.flatMap((called, step): readonly LinkedInstruction[] => {
    const target = functions.get(called);
    invariant(target !== undefined, `${called} is compiled`);
    const { form } = target;
    // a step gets its number and that of the threads: 0 of 1
    const args = form.params.flatMap((rd, i) => (rd === undefined ? [] : [plain('li', { rd, imm: i })]));
    const call = plain('call', { rd: form.link, symbol: { to: 'function', name: called } });
    return [...(marks ? [plain('mark', { imm: step })] : []), ...(target.code.length > 1 ? [...args, call] : [])];
  });
  const none = { low: 0, high: 0 };
  const form = { params: [], paramIsVector: [], result: undefined, link: 0, scalars: none, vectors: none };
  return { name, form, code: [...code, plain('halt')], frameBytes: 0, spilled: 0 };
};

/**
 * Moves what only the initialization reads behind the memory of the lowering, which would have the arena in its place: here it is in the image,
 * and nobody writes it in between. @returns where that ends
 */
const placeInitial = ({ params, pages }: Lowered): number => {
  let end = pages * PAGE_BYTES;
  for (const slots of [params.initial, ...params.staged]) {
    for (const slot of slots.values()) {
      slot.place(end);
      end = aligned(end + slot.bytes, CODE_ALIGNMENT);
    }
  }
  return end;
};

/** Constants and parameters at their places. */
const contentOf = ({ context, params }: Lowered): readonly ImagePart[] => {
  const parts: ImagePart[] = [];
  for (const { address, data } of context.persistent) if (data !== undefined && data.length > 0) parts.push({ address, bytes: data });
  const put = (slots: ReadonlyMap<ValueId, Slot>): void => {
    for (const [value, { address }] of slots) {
      const tensor = context.paramData(value);
      if (tensor === undefined) continue;
      let to = address;
      for (const bytes of canonicalPieces(tensor)) {
        if (bytes.length > 0) parts.push({ address: to, bytes: Uint8Array.from(bytes) });
        to += bytes.length;
      }
    }
  };
  for (const slots of [params.run, params.initial, ...params.staged]) put(slots);
  return parts;
};

const portsOf = ({ context, source }: Lowered): Pick<FpgaProgram, 'inputs' | 'outputs'> => {
  const port = ({ name, value }: Port): FpgaPort => {
    const { dtype, shape } = context.type(value);
    return { name, dtype, shape, address: context.slot(value).address, bytes: elementCount(shape) * DTYPE_INFO[dtype].bytes };
  };
  return {
    inputs: context.program.inputs.map(port),
    outputs: context.program.outputs.map((output, i): FpgaPort => {
      // an input that is an output passes through untouched, as in the reference
      const passes = source.inputs.findIndex((input) => input.value === at(source.outputs, i).value);
      return { ...port(output), ...(passes < 0 ? {} : { passes }) };
    }),
  };
};

/** Every result of a step with its places. */
const resultsOf = ({ context }: Lowered, rows: FpgaRows, values: readonly ValueId[]): readonly FpgaResult[] =>
  values.flatMap((value) => {
    const { dtype, shape } = context.type(value);
    const places = rows.places?.(context, value) ?? [{ address: context.slot(value).address, layout: { kind: 'rows' } }];
    return places.map((place): FpgaResult => ({ value, dtype, shape, ...place }));
  });

/** What is assembled. */
interface Parts {
  readonly machine: FpgaMachine;
  readonly names: Functions;
  readonly rows: FpgaRows;
  readonly codeStart: number;
  /** The program that is traced. */
  readonly traced: Program | undefined;
}

const assemble = (lowered: Lowered, { machine, names, rows, codeStart, traced }: Parts): Result<FpgaProgram> => {
  const { functions } = machine;
  const compiled = [entry(INIT, names.init, functions, false), entry(RUN, names.run, functions, true), ...functions.values()];
  const code = link(compiled, codeStart);
  const limit = aligned(code.end, LIMIT_ALIGNMENT);
  if (limit > MOST_LIMIT)
    return fail(
      diagnostic('FPG0002', `${lowered.source.name} needs ${limit} bytes of memory, but the core addresses ${MOST_LIMIT}`, {
        notes: ['Use a smaller batch, or --backend native, which gives the same bytes and maps parameters of any size.'],
      }),
    );
  const pc = (name: string): number => code.addresses.get(name) ?? 0;
  const header: ImageHeader = {
    array: rows.array?.() ?? NO_ARRAY,
    limit,
    initPc: pc(INIT),
    runPc: pc(RUN),
    codeStart,
    codeBytes: code.bytes.length,
    codeCrc: crcOf(code.bytes),
  };
  const parts = [{ address: 0, bytes: writeHeader(header) }, ...contentOf(lowered), { address: codeStart, bytes: code.bytes }];
  parts.sort((a, b) => a.address - b.address);
  return ok({
    name: lowered.source.name,
    header,
    parts,
    instructionBytes: code.instructionBytes,
    ...portsOf(lowered),
    steps: lowered.steps.map(({ place, node, macs, writes }) => ({
      place,
      op: node.op,
      macs,
      ...(traced === undefined ? {} : { results: resultsOf(lowered, rows, writes) }),
    })),
    ...(traced === undefined ? {} : { traced }),
    labels: new Map([...code.addresses].map(([name, address]) => [address, name])),
  });
};

/**
 * Compiles a program for the core. In memory: header, constants and parameters, arena, scratch (all as the SIMD lowering places them, from address
 * 256 on), what only the initialization reads, code with its constants, frames.
 * Errors: IR0008, BKD0002, BKD0003; FPG0002 when addresses do not reach.
 */
export const compileForFpga = (
  source: Program,
  { rows: makeRows, registers = {}, trace = false }: FpgaOptions = {},
): Result<FpgaProgram> => {
  const machine = new FpgaMachine(registers);
  const rows = makeRows?.(machine, trace) ?? processorRows();
  const plan = planProgram(source, rows.has);
  if (!plan.ok) return plan;
  const lowered = lowerProgram(rows.prepare?.(plan.value) ?? plan.value, machine, rows, 1, { keep: trace });
  if (!lowered.ok) return lowered;
  // addresses are read when functions are written
  const codeStart = aligned(placeInitial(lowered.value), CODE_ALIGNMENT);
  const names = writeFunctions(lowered.value);
  // before anything is fused that the reference does not know
  return assemble(lowered.value, { machine, names, rows, codeStart, traced: trace ? plan.value.program : undefined });
};

/** Memory as it is before the initialization, zeros where the image has nothing. */
export const imageOf = ({ parts, header }: FpgaProgram): Uint8Array => {
  const image = new Uint8Array(header.limit);
  for (const { address, bytes } of parts) image.set(bytes, address);
  return image;
};
