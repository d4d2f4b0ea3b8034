import { runProgram, type Tensor } from '../../../ir/index.ts';
import { unwrap } from '../../../support/index.ts';
import { elementCount } from '../../../ir/index.ts';
import { ELEMS, type ElemName, makeHost } from '../elem.ts';
import { importTflite } from '../index.ts';
import { BUILTIN_OPERATORS, type OperatorName } from '../schema/operators.ts';
import { BUILTIN_OPTIONS, FILE_TABLES, OPTION_TABLES, type OptionName } from '../schema/tables.ts';
import { FlatWriter, type TableValue, type Written } from './flat-writer.ts';

/** A tensor of a test model. `data` makes it a constant. */
export interface TestTensor {
  readonly elem: ElemName;
  readonly shape: readonly number[];
  readonly data?: readonly number[];
  readonly scales?: readonly number[];
  readonly zeros?: readonly number[];
  readonly axis?: number;
  readonly variable?: boolean;
  /** Fields of the table Tensor, over those made from the rest. */
  readonly raw?: Readonly<Record<string, Written>>;
}

/** An operator of a test model; tensors by name, `-` for an optional input that is left out. */
export interface TestOperator {
  readonly op: OperatorName;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly options?: readonly [OptionName, Readonly<Record<string, Written>>];
  readonly custom?: string;
  readonly version?: number;
  /** Bytes of a FlexBuffers map. */
  readonly customOptions?: Uint8Array;
}

export interface TestModel {
  readonly tensors: Readonly<Record<string, TestTensor>>;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly operators: readonly TestOperator[];
  /** Fields of the table Model, over those made from the rest. */
  readonly raw?: Readonly<Record<string, Written>>;
}

const bytesOf = (elem: ElemName, data: readonly number[]): Uint8Array => {
  const { bits, kind } = ELEMS[elem];
  const out = new Uint8Array(Math.ceil((data.length * bits) / 8));
  const view = new DataView(out.buffer);
  data.forEach((v, i) => {
    if (elem === 'float16') view.setUint16(2 * i, v, true);
    else if (elem === 'float64') view.setFloat64(8 * i, v, true);
    else if (kind === 'float') view.setFloat32(4 * i, v, true);
    else if (bits === 64) view.setBigInt64(8 * i, BigInt(v), true);
    else if (bits === 32) view.setInt32(4 * i, v, true);
    else if (bits === 16) view.setInt16(2 * i, v, true);
    else if (bits === 8) view.setUint8(i, v & 255);
    else view.setUint8(i >> 1, (out[i >> 1] ?? 0) | ((v & 15) << (4 * (i & 1))));
  });
  return out;
};

const quantizationTable = (t: TestTensor): TableValue | undefined =>
  t.scales === undefined
    ? undefined
    : {
        spec: FILE_TABLES.QuantizationParameters,
        values: { scale: t.scales, zero_point: t.zeros ?? t.scales.map(() => 0), quantized_dimension: t.axis ?? 0 },
      };

/** Versions that the runtime wants; 1 for others. */
const VERSIONS: { readonly [K in OperatorName]?: number } = { BROADCAST_TO: 2 };

/** Options of a custom operator as a FlexBuffers map: keys in order, every value of 4 bytes, whole numbers as integers. */
export const flexOptions = (options: Readonly<Record<string, number>>): Uint8Array => {
  const names = Object.keys(options).sort();
  const view = new DataView(new ArrayBuffer(4096));
  let end = 0;
  const put = (value: number, float = false): void => {
    if (float) view.setFloat32(end, value, true);
    else view.setInt32(end, value, true);
    end += 4;
  };
  const places = names.map((name) => {
    const place = end;
    for (const c of name) view.setUint8(end++, c.charCodeAt(0));
    end++;
    return place;
  });
  end = Math.ceil(end / 4) * 4;
  put(names.length);
  const keys = end;
  for (const place of places) put(end - place);
  put(end - keys);
  put(4);
  put(names.length);
  const values = end;
  const whole = (name: string): boolean => Number.isInteger(options[name]);
  for (const name of names) put(options[name] ?? 0, !whole(name));
  // packed types: INT or FLOAT, of 4 bytes
  for (const name of names) view.setUint8(end++, ((whole(name) ? 1 : 3) << 2) | 2);
  // the root: its offset, its type MAP of 4 bytes, the width of the offset
  view.setUint8(end, end - values);
  view.setUint8(end + 1, (9 << 2) | 2);
  view.setUint8(end + 2, 1);
  return new Uint8Array(view.buffer.slice(0, end + 3));
};

/** The bytes of a .tflite file. */
export const tflite = (model: TestModel): Uint8Array => {
  const names = Object.keys(model.tensors);
  const tensors = Object.values(model.tensors);
  const index = (name: string): number => (name === '-' ? -1 : names.indexOf(name));
  const table = (spec: TableValue['spec'], values: TableValue['values']): TableValue => ({ spec, values });
  const buffers = [
    table(FILE_TABLES.Buffer, {}),
    ...tensors.map((t) => table(FILE_TABLES.Buffer, { data: t.data === undefined ? undefined : bytesOf(t.elem, t.data) })),
  ];
  const graph = table(FILE_TABLES.SubGraph, {
    name: 'main',
    inputs: model.inputs.map(index),
    outputs: model.outputs.map(index),
    tensors: tensors.map((t, i) =>
      table(FILE_TABLES.Tensor, {
        name: names[i],
        shape: t.shape,
        type: ELEMS[t.elem].code,
        buffer: i + 1,
        is_variable: t.variable,
        quantization: quantizationTable(t),
        ...t.raw,
      }),
    ),
    operators: model.operators.map((o, i) =>
      table(FILE_TABLES.Operator, {
        opcode_index: i,
        inputs: o.inputs.map(index),
        outputs: o.outputs.map(index),
        custom_options: o.customOptions,
        ...(o.options === undefined
          ? {}
          : {
              builtin_options_type: BUILTIN_OPTIONS.indexOf(o.options[0]) + 1,
              builtin_options: table(OPTION_TABLES[o.options[0]], o.options[1]),
            }),
      }),
    ),
  });
  const codes = model.operators.map((o) =>
    table(FILE_TABLES.OperatorCode, {
      deprecated_builtin_code: Math.min(127, BUILTIN_OPERATORS[o.op]),
      builtin_code: BUILTIN_OPERATORS[o.op],
      custom_code: o.custom,
      version: o.version ?? VERSIONS[o.op],
    }),
  );
  const root = table(FILE_TABLES.Model, { version: 3, operator_codes: codes, subgraphs: [graph], buffers, ...model.raw });
  return new FlatWriter().file('TFL3', root);
};

export const codesOf = (model: TestModel): readonly string[] => {
  const result = importTflite(tflite(model));
  return result.ok ? [] : result.diagnostics.map((d) => d.code);
};

/** A tensor of the program's dtype for one of the file. */
export const tensorOf = (elem: ElemName, shape: readonly number[], data: readonly number[]): Tensor => {
  const { dtype } = ELEMS[elem];
  const held = makeHost(elem, elementCount(shape));
  held.set(data);
  return { dtype, shape, data: held instanceof Float64Array ? Int32Array.from(held) : held };
};

/** The results of a model on values of its inputs, which are given in the types of the file. */
export const outputsOf = (model: TestModel, ...inputs: readonly (readonly number[])[]): readonly Tensor[] => {
  const { program } = unwrap(importTflite(tflite(model)));
  const given = model.inputs.map((name, i) => {
    const t = model.tensors[name] ?? { elem: 'float32' as const, shape: [] };
    return tensorOf(t.elem, t.shape, inputs[i] ?? []);
  });
  return runProgram(program, given);
};

/** A model of one operator: tensors in order, inputs without data are those of the model. */
export const single = (
  op: OperatorName,
  inputs: Readonly<Record<string, TestTensor>>,
  outputs: Readonly<Record<string, TestTensor>>,
  options?: readonly [OptionName, Readonly<Record<string, Written>>],
): TestModel => ({
  tensors: { ...inputs, ...outputs },
  inputs: Object.keys(inputs).filter((name) => inputs[name]?.data === undefined && inputs[name]?.variable !== true),
  outputs: Object.keys(outputs),
  operators: [{ op, inputs: Object.keys(inputs), outputs: Object.keys(outputs), ...(options === undefined ? {} : { options }) }],
});

export const f32 = (shape: readonly number[], data?: readonly number[]): TestTensor => ({
  elem: 'float32',
  shape,
  ...(data === undefined ? {} : { data }),
});
export const i32 = (shape: readonly number[], data?: readonly number[]): TestTensor => ({
  elem: 'int32',
  shape,
  ...(data === undefined ? {} : { data }),
});
/** An int8 tensor with one scale. */
export const i8 = (shape: readonly number[], scale: number, zero: number, data?: readonly number[]): TestTensor => ({
  elem: 'int8',
  shape,
  scales: [scale],
  zeros: [zero],
  ...(data === undefined ? {} : { data }),
});
