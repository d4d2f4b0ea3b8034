import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { DTYPE_INFO, elementCount, isStaticShape, type Tensor, type TensorData } from '../../../ir/index.ts';
import type { TflitePort } from '../index.ts';

/** Real models and their inputs and outputs, not part of the repository: CORTEXC_DATA, else ../shared/data. */
const DATA = resolve(process.env['CORTEXC_DATA'] ?? join(import.meta.dirname, '../../../../../shared/data'));
export const dataPath = (...parts: readonly string[]): string => join(DATA, ...parts);
export const hasData = (): boolean => existsSync(dataPath('tflite'));

export const fileBytes = (...parts: readonly string[]): Uint8Array => new Uint8Array(readFileSync(dataPath(...parts)));

/** Every .tflite file below the folder, in order. */
export const models = (folder = ''): readonly string[] =>
  readdirSync(dataPath(folder), { withFileTypes: true })
    .flatMap((e) => (e.isDirectory() ? models(join(folder, e.name)) : e.name.endsWith('.tflite') ? [join(folder, e.name)] : []))
    .sort();

const shapeOf = (port: TflitePort): readonly number[] => (isStaticShape(port.type.shape) ? port.type.shape : []);

/** The elements of a port from little-endian bytes of its type in the file; undefined when their number is another. */
export const portTensor = (port: TflitePort, bytes: Uint8Array): Tensor | undefined => {
  const shape = shapeOf(port);
  const { dtype } = port.type;
  const wide = port.elem === 'int64';
  if (bytes.length !== elementCount(shape) * (wide ? 8 : DTYPE_INFO[dtype].bytes)) return undefined;
  const { buffer } = bytes.slice();
  const data = wide ? Int32Array.from(new BigInt64Array(buffer), Number) : DTYPE_INFO[dtype].view(buffer, 0, elementCount(shape));
  return { dtype, shape, data };
};

/** Real numbers as the port wants them: rounded to its grid where it is quantized. */
export const portNumbers = (port: TflitePort, reals: ArrayLike<number>): Tensor => {
  const { dtype } = port.type;
  const data: TensorData = DTYPE_INFO[dtype].make(reals.length);
  const { lo, hi } = DTYPE_INFO[dtype];
  const [scale = 1, zero = 0] = [port.quantization?.scales[0], port.quantization?.zeros[0]];
  for (let i = 0; i < reals.length; i++) {
    const v = reals[i] ?? 0;
    data[i] = port.quantization === undefined ? v : Math.max(lo, Math.min(hi, Math.round(v / scale) + zero));
  }
  return { dtype, shape: shapeOf(port), data };
};

export const floats = (bytes: Uint8Array): Float32Array => new Float32Array(bytes.slice().buffer);
export const listed = (text: string): readonly number[] => text.split(/[\s,]+/).flatMap((w) => (w === '' ? [] : [Number(w)]));
