import { formatFloat, printProgram, type Tensor } from '../ir/index.ts';
import { operandsOf, type VectorCase } from './case.ts';
import { expectedOf } from './cases.ts';
import { fewestParams, programOf } from './program.ts';

/** Most numbers in the text of a reproduction. */
const MOST_NUMBERS = 50_000;

// formatFloat writes what reads back to the same float32, -0 and NaN included
const tensorText = (t: Tensor): string =>
  `[${Array.from(t.data, (v: number) => (t.dtype === 'f32' ? formatFloat(v).replace(/\.0$/, '') : String(v))).join(' ')}]`;

/**
 * A model of the one op as .mrl text, with the operands of the case and the results of the reference in an `// eval:` line
 * (the form of the golden cases of the repository).
 */
export const reproOf = (c: VectorCase): string => {
  const operands = operandsOf(c);
  const { program, inputs } = programOf('repro', [{ shape: c.shape, operands, isParam: fewestParams(c.shape) }]);
  const model = printProgram(program, { form: 'readable', inlineLimit: MOST_NUMBERS });
  const wanted = expectedOf(c, operands);
  const size = [...operands, ...wanted].reduce((n, t) => n + t.data.length, 0);
  const given = inputs.flatMap(({ operand }) => operands[operand] ?? []).map(tensorText);
  const evaluation =
    size > MOST_NUMBERS
      ? `// ${size} elements are too many to write down: \`cortexc conformance\` makes them from the id of the case.`
      : `// eval: repro(${given.join(', ')}) == ${wanted.map(tensorText).join(' ')}`;
  return `// RUN: parse\n// Conformance case ${c.id}\n${model.trimEnd()}\n${evaluation}\n`;
};
