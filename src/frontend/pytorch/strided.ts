import { elementCount } from '../../ir/index.ts';
import { checkShape, type ElemName, ELEMS, hostFromBytes, type HostTensor, makeHost } from '../host-tensor.ts';
import { overLimit, parameterProblem, stop } from '../import-problems.ts';

/** A view of a storage, in elements. */
export interface View {
  readonly size: readonly number[];
  readonly stride: readonly number[];
  readonly offset: number;
}

const isContiguous = ({ size, stride }: View): boolean => {
  let step = 1;
  for (let i = size.length - 1; i >= 0; i--) {
    if (size[i] !== 1 && stride[i] !== step) return false;
    step *= size[i] ?? 1;
  }
  return true;
};

/** Elements read of a storage for each that it has: repeated elements (stride 0) beyond this are refused. */
const MAX_REPEATS = 64;
const FREE_ELEMENTS = 2 ** 16;

/** The elements of a view of a storage, whose bytes are little-endian. @throws {MrlError} IMP1005, IMP1007 */
export const stridedHost = (name: string, elem: ElemName, storage: Uint8Array, view: View): HostTensor => {
  const { size, stride, offset } = view;
  checkShape(name, size);
  const { bytes: width, read } = ELEMS[elem];
  const [count, stored] = [elementCount(size), Math.floor(storage.length / width)];
  const last = count === 0 ? -1 : size.reduce((sum, d, i) => sum + (d - 1) * (stride[i] ?? 0), offset);
  if (stride.length !== size.length || [offset, ...stride].some((s) => !Number.isSafeInteger(s) || s < 0) || last >= stored)
    stop(parameterProblem(name, `${elem}[${size.join(', ')}] at ${offset} by [${stride.join(', ')}] lies outside of ${stored} elements`));
  if (count === 0) return { elem, shape: size, data: makeHost(elem, 0) };
  if (isContiguous(view)) return hostFromBytes(name, elem, size, storage.subarray(offset * width, (offset + count) * width));
  if (count > FREE_ELEMENTS + MAX_REPEATS * stored) stop(overLimit(`${count} elements are made of ${stored}`, name));
  const bytes = new DataView(storage.buffer, storage.byteOffset, storage.byteLength);
  const data = makeHost(elem, count);
  const index = size.map(() => 0);
  let from = offset;
  for (let i = 0; i < count; i++) {
    data[i] = read(bytes, from * width);
    for (let d = size.length - 1; d >= 0; d--) {
      const next = (index[d] ?? 0) + 1;
      from += stride[d] ?? 0;
      if (next < (size[d] ?? 1)) {
        index[d] = next;
        break;
      }
      from -= next * (stride[d] ?? 0);
      index[d] = 0;
    }
  }
  return { elem, shape: size, data };
};
