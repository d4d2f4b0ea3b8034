import { DTYPE_INFO, elementCount, type Port, type StaticType, type ValueId } from '../../../ir/index.ts';
import { at, invariant } from '../../../support/index.ts';
import { type Functions, type Lowered, PAGE_BYTES, type Slot } from '../simd/index.ts';

/** A parameter of the parameter file. */
export interface StoredParameter {
  readonly value: ValueId;
  readonly offset: number;
  readonly bytes: number;
}

/** What the host needs besides the text: the layout of the parameter file. */
export interface ProgramSource {
  readonly text: string;
  readonly parameters: readonly StoredParameter[];
  /** Size of the parameter file. */
  readonly parameterBytes: number;
}

/** Parameters start at multiples of this in the file (cx_runtime.h); big ones on a page, so that they can be mapped into place. */
const ALIGNMENT = 64;
const PAGED_BYTES = 2 ** 20;

const cString = (text: string): string =>
  `"${[...new TextEncoder().encode(text)]
    .map((b) =>
      b >= 0x20 && b < 0x7f && b !== 0x22 && b !== 0x5c && b !== 0x3f ? String.fromCharCode(b) : `\\${b.toString(8).padStart(3, '0')}`,
    )
    .join('')}"`;

const NUMBERS_PER_LINE = 16;

/** A list as the initializer of an array. */
const list = (items: readonly (string | number)[]): string => {
  const lines: string[] = [];
  for (let i = 0; i < items.length; i += NUMBERS_PER_LINE) lines.push(`  ${items.slice(i, i + NUMBERS_PER_LINE).join(', ')}`);
  return lines.join(',\n');
};

/** `static const TYPE NAME[] = {…};`, or nothing when empty: C has no arrays without elements. */
const array = (type: string, name: string, rows: readonly string[]): string =>
  rows.length === 0 ? '' : `static const ${type} ${name}[] = {\n${rows.map((r) => `  ${r}`).join(',\n')},\n};\n`;

const pointer = (name: string, rows: readonly unknown[]): string => (rows.length === 0 ? '0' : name);

const portRows = (lowered: Lowered, ports: readonly Port[], passes: (index: number) => number): readonly string[] =>
  ports.map(({ name, value }, i) => {
    const { dtype, shape }: StaticType = lowered.context.type(value);
    const bytes = elementCount(shape) * DTYPE_INFO[dtype].bytes;
    const dims = shape.length === 0 ? '0' : shape.join(', ');
    return `{${cString(name)}, CX_${dtype.toUpperCase()}, ${shape.length}, {${dims}}, ${lowered.context.slot(value).address}u, ${bytes}u, ${passes(i)}}`;
  });

/** Every parameter that code reads anywhere, in the order of the program; external ones first, since their number is in the code. */
const storedValues = ({ context, params }: Lowered): readonly ValueId[] => {
  const used = new Set<ValueId>(context.external);
  const read = [params.run, params.initial, ...params.staged].flatMap((places) => [...places.keys()]);
  const inOrder = new Set(read);
  for (const { value } of context.program.params) if (inOrder.has(value)) used.add(value);
  return [...used];
};

const placeInFile = (lowered: Lowered): { readonly parameters: readonly StoredParameter[]; readonly parameterBytes: number } => {
  let end = 0;
  const parameters = storedValues(lowered).map((value): StoredParameter => {
    const { dtype, shape } = lowered.context.type(value);
    const bytes = elementCount(shape) * DTYPE_INFO[dtype].bytes;
    const unit = bytes >= PAGED_BYTES ? PAGE_BYTES : ALIGNMENT;
    const offset = Math.ceil(end / unit) * unit;
    end = offset + bytes;
    return { value, offset, bytes };
  });
  return { parameters, parameterBytes: end };
};

/** Initial data of linear memory; one array each, since compilers limit string literals. */
const blobs = (slots: readonly Slot[]): { readonly data: string; readonly rows: readonly string[] } => {
  const withData = slots.flatMap(({ address, data }) => (data === undefined || data.length === 0 ? [] : [{ address, data }]));
  return {
    data: withData.map(({ data }, i) => `static const uint8_t blob${i}[] = {\n${list([...data])},\n};\n`).join(''),
    rows: withData.map(({ address, data }, i) => `{${address}u, ${data.length}u, blob${i}}`),
  };
};

const stagingRows = ({ params }: Lowered, index: ReadonlyMap<ValueId, number>): readonly string[] => {
  const row = (value: ValueId, step: string, slot: Slot): string => {
    const number = index.get(value);
    invariant(number !== undefined, 'a staged parameter is stored');
    return `{${number}, ${step}, ${slot.address}u}`;
  };
  return [
    ...[...params.initial].map(([value, slot]) => row(value, 'CX_ALL_INIT', slot)),
    ...params.staged.flatMap((places, step) => [...places].map(([value, slot]) => row(value, String(step), slot))),
  ];
};

const stepRows = (lowered: Lowered, functions: Functions): readonly string[] =>
  lowered.steps.map(
    ({ place, node, parallel, macs }, i) =>
      `{${cString(place)}, ${cString(node.op)}, ${at(functions.run, i)}, ${parallel ? 1 : 0}, ${macs}u}`,
  );

/**
 * The generated C file of a program.
 * @param code - functions and kernels' descriptors
 * @param identity - hex digest that names the program
 */
export const programSource = (lowered: Lowered, functions: Functions, code: string, identity: string): ProgramSource => {
  const { context, params, pages } = lowered;
  const { parameters, parameterBytes } = placeInFile(lowered);
  const index = new Map(parameters.map(({ value }, i) => [value, i]));
  const address = (value: ValueId): string => {
    const slot = params.run.get(value);
    return slot === undefined ? 'CX_EXTERNAL' : `${slot.address}u`;
  };
  const { inputs, outputs } = lowered.source;
  // an input that is an output passes through untouched, as in the reference
  const passed = (i: number): number => inputs.findIndex((input) => input.value === at(outputs, i).value) + 1;
  const tables = {
    inputs: portRows(lowered, context.program.inputs, () => 0),
    outputs: portRows(lowered, context.program.outputs, passed),
    parameters: parameters.map(({ value, offset, bytes }) => `{${offset}u, ${bytes}u, ${address(value)}}`),
    stagings: stagingRows(lowered, index),
    init: functions.init,
    steps: stepRows(lowered, functions),
  };
  const { data, rows } = blobs(context.persistent);
  const fields = [
    '.format = CX_FORMAT',
    `.max_threads = ${context.threads}`,
    `.name = ${cString(identity)}`,
    `.memory_bytes = ${pages * PAGE_BYTES}u`,
    `.parameter_bytes = ${parameterBytes}u`,
    `.input_count = ${tables.inputs.length}`,
    `.output_count = ${tables.outputs.length}`,
    `.parameter_count = ${tables.parameters.length}`,
    `.staging_count = ${tables.stagings.length}`,
    `.blob_count = ${rows.length}`,
    `.init_count = ${tables.init.length}`,
    `.step_count = ${tables.steps.length}`,
    `.inputs = ${pointer('inputs', tables.inputs)}`,
    `.outputs = ${pointer('outputs', tables.outputs)}`,
    `.parameters = ${pointer('parameters', tables.parameters)}`,
    `.stagings = ${pointer('stagings', tables.stagings)}`,
    `.blobs = ${pointer('blobs', rows)}`,
    `.init = ${pointer('init_steps', tables.init)}`,
    `.steps = ${pointer('steps', tables.steps)}`,
  ];
  const text = [
    code,
    array('cx_port', 'inputs', tables.inputs),
    array('cx_port', 'outputs', tables.outputs),
    array('cx_parameter', 'parameters', tables.parameters),
    array('cx_staging', 'stagings', tables.stagings),
    data,
    array('cx_blob', 'blobs', rows),
    array('cx_init_step', 'init_steps', tables.init),
    array('cx_step', 'steps', tables.steps),
    `const cx_program CX_PROGRAM = {\n${fields.map((f) => `  ${f},`).join('\n')}\n};\n`,
  ];
  return { text: text.filter((part) => part !== '').join('\n'), parameters, parameterBytes };
};
