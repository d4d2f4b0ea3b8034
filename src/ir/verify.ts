import { at, diagnostic, type Diagnostic, fail, ok, type Result } from '../support/index.ts';
import { completeAttrs, inferNode } from './builder.ts';
import { rescaleDataProblem } from './ops/quantized.ts';
import { type AnyNode, paramTensors, type Program, type ValueId } from './program.ts';
import { DTYPE_INFO, elementCount, formatType, isStaticType, sameType, type Tensor } from './types.ts';

/** Where a node is, in the user's words. */
export const placeOf = (node: AnyNode, index: number): string =>
  node.origin === undefined ? `node ${index} (${node.op})` : `${node.origin} (${node.op})`;

const dataProblem = (tensor: Tensor): string | undefined => {
  const { dtype, data } = tensor;
  const info = DTYPE_INFO[dtype];
  if (dtype === 'f32') {
    const i = (data as Float32Array).findIndex((v) => v !== v);
    return i < 0 ? undefined : `element ${i} is NaN`;
  }
  if (dtype !== 'bool' && dtype !== 'i6') return undefined;
  const i = (data as Int8Array).findIndex((v) => v < info.lo || v > info.hi);
  return i < 0 ? undefined : `element ${i} is ${String(data[i])} but ${dtype} holds ${info.lo} to ${info.hi}`;
};

const checkParams = (program: Program): Diagnostic[] =>
  program.params.flatMap((param) => {
    const type = at(program.types, param.value);
    const where = `parameter ${param.name}`;
    if (!isStaticType(type)) return [diagnostic('IR0005', `${formatType(type)} has a symbolic dimension`, { where })];
    const want = elementCount(type.shape);
    if (param.data.length !== want)
      return [diagnostic('IR0005', `${formatType(type)} has ${want} elements but the data has ${param.data.length}`, { where })];
    const problem = dataProblem({ dtype: type.dtype, shape: type.shape, data: param.data });
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

const checkNode = (
  program: Program,
  node: AnyNode,
  index: number,
  defined: Uint8Array,
  params: ReadonlyMap<ValueId, Tensor>,
): Diagnostic[] => {
  const where = placeOf(node, index);
  const early = node.operands.filter((v) => defined[v] !== 1);
  if (early.length > 0) return early.map((v) => diagnostic('IR0003', `${node.op} uses value ${v} before it is defined`, { where }));
  const attrs = completeAttrs(node.op, node.attrs, where);
  if (!attrs.ok) return [...attrs.diagnostics];
  const inferred = inferNode(
    node.op,
    node.operands.map((v) => at(program.types, v)),
    attrs.value,
    where,
  );
  if (!inferred.ok) return [...inferred.diagnostics];
  const problems: Diagnostic[] = [];
  if (inferred.value.length !== node.results.length) {
    problems.push(diagnostic('IR0004', `${node.op} has ${inferred.value.length} results but ${node.results.length} are stored`, { where }));
  }
  node.results.forEach((r, i) => {
    const type = inferred.value[i];
    const stored = program.types[r];
    if (type !== undefined && (stored === undefined || !sameType(type, stored))) {
      problems.push(
        diagnostic(
          'IR0004',
          `result ${i} of ${node.op} is ${formatType(type)} but ${stored === undefined ? 'nothing' : formatType(stored)} is stored`,
          { where },
        ),
      );
    }
    if (defined[r] === 1) problems.push(diagnostic('IR0003', `value ${r} is defined twice`, { where }));
    defined[r] = 1;
  });
  if (node.op === 'rescale' || node.op === 'mul_rescale') {
    const [m, s] =
      node.op === 'rescale'
        ? [params.get(at(node.operands, 1)), params.get(at(node.operands, 2))]
        : [params.get(at(node.operands, 2)), params.get(at(node.operands, 3))];
    if (m === undefined || s === undefined)
      problems.push(diagnostic('IR0005', `${node.op}: multiplier and shift must be parameters`, { where }));
    else {
      const problem = rescaleDataProblem(m, s, node.attrs['width'] === 'w21' ? 'w21' : 'n15');
      if (problem !== undefined)
        problems.push(diagnostic('IR0005', `${node.op}: ${problem}, outside the width`, { where, notes: ['See rescale in docs/ops.md.'] }));
    }
  }
  return problems;
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
  (program.nodes as readonly AnyNode[]).forEach((node, i) => problems.push(...checkNode(program, node, i, defined, params)));
  for (const output of program.outputs) {
    if (defined[output.value] !== 1)
      problems.push(diagnostic('IR0003', `output ${output.name} is value ${output.value}, which nothing defines`));
  }
  if (program.outputs.length === 0) problems.push(diagnostic('IR0009', 'the program has no output'));
  return problems.length > 0 ? fail(...problems) : ok(program);
};
