import { at, diagnostic, type Diagnostic, fail, ok, type Result } from '../support/index.ts';
import { completeAttrs, inferNode } from './builder.ts';
import { rescaleDataProblem } from './ops/quantized-util.ts';
import { type AnyNode, paramTensors, type Program, type ValueId } from './program.ts';
import { StoredTensor } from './stored.ts';
import { DTYPE_INFO, elementCount, formatType, isStaticType, sameType, type Tensor, type TensorData, type TensorType } from './types.ts';

/** Where a node is, in the user's words. */
export const placeOf = (node: AnyNode, index: number): string =>
  node.origin === undefined ? `node ${index} (${node.op})` : `${node.origin} (${node.op})`;

/** First element that fails the test, by a plain loop: parameters have up to 10^9 elements. */
const findElement = (data: TensorData, fails: (v: number) => boolean): number => {
  for (let i = 0; i < data.length; i++) if (fails(data[i]!)) return i;
  return -1;
};

const dataProblem = (tensor: Tensor): string | undefined => {
  const { dtype } = tensor;
  // nothing is read of a stored tensor whose dtype holds whatever its elements are
  if (dtype !== 'f32' && dtype !== 'bool' && dtype !== 'i6') return undefined;
  const { data } = tensor;
  if (dtype === 'f32') {
    // a sum is NaN when an element is (or when infinities meet, which the exact search then clears)
    let sum = 0;
    for (let i = 0; i < data.length; i++) sum += data[i]!;
    const at = sum === sum ? -1 : findElement(data, (v) => v !== v);
    return at < 0 ? undefined : `element ${at} is NaN`;
  }
  const { lo, hi } = DTYPE_INFO[dtype];
  const at = findElement(data, (v) => v < lo || v > hi);
  return at < 0 ? undefined : `element ${at} is ${String(data[at])} but ${dtype} holds ${lo} to ${hi}`;
};

const checkParams = (program: Program): Diagnostic[] =>
  program.params.flatMap((param) => {
    const type = at(program.types, param.value);
    const where = `parameter ${param.name}`;
    if (!isStaticType(type)) return [diagnostic('IR0005', `${formatType(type)} has a symbolic dimension`, { where })];
    const { tensor } = param;
    if (!sameType(type, tensor))
      return [diagnostic('IR0005', `${formatType(type)} is stated but the tensor is ${formatType(tensor)}`, { where })];
    const want = elementCount(type.shape);
    const have = tensor instanceof StoredTensor ? want : tensor.data.length;
    if (have !== want) return [diagnostic('IR0005', `${formatType(type)} has ${want} elements but the data has ${have}`, { where })];
    const problem = dataProblem(tensor);
    return problem === undefined
      ? []
      : [diagnostic('IR0005', problem, { where, notes: ['Replace it in the model that the parameter comes from.'] })];
  });

const checkNames = (program: Program): Diagnostic[] => {
  const doubles = (what: string, names: readonly string[]): Diagnostic[] => {
    const seen = new Set<string>();
    return names.filter((n) => seen.size === seen.add(n).size).map((n) => diagnostic('IR0006', `${what} ${n} is named twice`));
  };
  return [
    ...doubles('input or parameter', [...program.inputs.map((p) => p.name), ...program.params.map((p) => p.name)]),
    ...doubles(
      'output',
      program.outputs.map((p) => p.name),
    ),
  ];
};

/** The constraints that types cannot state: rescale data within its width. */
const checkData = (node: AnyNode, where: string, params: ReadonlyMap<ValueId, Tensor>): Diagnostic[] => {
  if (node.op !== 'rescale' && node.op !== 'mul_rescale') return [];
  const first = node.op === 'rescale' ? 1 : 2;
  const [m, s] = [params.get(at(node.operands, first)), params.get(at(node.operands, first + 1))];
  if (m === undefined || s === undefined) return [diagnostic('IR0005', `${node.op}: multiplier and shift must be parameters`, { where })];
  const problem = rescaleDataProblem(m, s, node.attrs['width'] === 'w21' ? 'w21' : 'n15');
  return problem === undefined
    ? []
    : [diagnostic('IR0005', `${node.op}: ${problem}, outside the width`, { where, notes: ['See rescale in docs/ops.md.'] })];
};

const checkResults = (program: Program, node: AnyNode, inferred: readonly TensorType[], where: string): Diagnostic[] => {
  if (inferred.length !== node.results.length) {
    return [diagnostic('IR0004', `${node.op} has ${inferred.length} results but ${node.results.length} are stored`, { where })];
  }
  return inferred.flatMap((type, i) => {
    const stored = program.types[at(node.results, i)];
    if (stored !== undefined && sameType(type, stored)) return [];
    const found = stored === undefined ? 'nothing' : formatType(stored);
    return [diagnostic('IR0004', `result ${i} of ${node.op} is ${formatType(type)} but ${found} is stored`, { where })];
  });
};

const checkNode = (
  program: Program,
  node: AnyNode,
  where: string,
  defined: Uint8Array,
  params: ReadonlyMap<ValueId, Tensor>,
): Diagnostic[] => {
  const early = node.operands.filter((v) => defined[v] !== 1);
  if (early.length > 0) return early.map((v) => diagnostic('IR0003', `${node.op} uses value ${v} before it is defined`, { where }));
  const attrs = completeAttrs(node.op, node.attrs, where);
  if (!attrs.ok) return [...attrs.diagnostics];
  const operandTypes = node.operands.map((v) => at(program.types, v));
  const inferred = inferNode(node.op, operandTypes, attrs.value, where);
  if (!inferred.ok) return [...inferred.diagnostics];
  return [...checkResults(program, node, inferred.value, where), ...checkData(node, where, params)];
};

/**
 * Checks a whole program: names unique; parameters as long as their shapes, in range, without NaN; each operand defined
 * before use and each value once; attributes within their schemas; every constraint; stored types = inferred types;
 * rescale data within its width; at least one output. Lists all problems.
 */
export const verifyProgram = (program: Program): Result<Program> => {
  const problems: Diagnostic[] = [...checkNames(program), ...checkParams(program)];
  const defined = new Uint8Array(program.types.length);
  for (const port of program.inputs) defined[port.value] = 1;
  for (const param of program.params) defined[param.value] = 1;
  const params = paramTensors(program);
  (program.nodes as readonly AnyNode[]).forEach((node, i) => {
    const where = placeOf(node, i);
    problems.push(...checkNode(program, node, where, defined, params));
    for (const r of node.results) {
      if (defined[r] === 1) problems.push(diagnostic('IR0003', `value ${r} is defined twice`, { where }));
      defined[r] = 1; // also after a problem, so that users of the result are not blamed
    }
  });
  for (const output of program.outputs) {
    if (defined[output.value] !== 1)
      problems.push(diagnostic('IR0003', `output ${output.name} is value ${output.value}, which nothing defines`));
  }
  if (program.outputs.length === 0) problems.push(diagnostic('IR0009', 'the program has no output'));
  return problems.length > 0 ? fail(...problems) : ok(program);
};
