import { encodeNpy } from '../../frontend/tensors/index.ts';
import { formatFloat, printProgram, runProgram, type Tensor } from '../../ir/index.ts';
import type { Finding, FuzzCase } from './check.ts';

/** A file of a repro: name and content. */
export interface ReproFile {
  readonly name: string;
  readonly content: string | Uint8Array;
}

const tensorText = (t: Tensor): string =>
  `[${Array.from(t.data, (v: number) => (t.dtype === 'f32' ? formatFloat(v).replace(/\.0$/, '') : String(v))).join(' ')}]`;

/** `// eval: random([1 2], [3]) == [0 6]`, as in golden files: what the reference gives. */
const evalLine = (c: FuzzCase, inputs: readonly Tensor[]): string => {
  let results: string;
  try {
    results = runProgram(c.program, inputs).map(tensorText).join(', ');
  } catch (error) {
    results = `nothing: ${error instanceof Error ? error.message : String(error)}`;
  }
  return `// eval: ${c.program.name}(${inputs.map(tensorText).join(', ')}) == ${results}`;
};

/** The finding as a model string that says what is wrong, with every parameter written out and an `eval` line for each set. */
export const reproText = (finding: Finding, c: FuzzCase, origin: string): string => {
  const program = printProgram(c.program, { form: 'readable', inlineLimit: Number.POSITIVE_INFINITY });
  const what = `${finding.kind} ${finding.subject}: ${finding.message}`.replace(/\s*\n\s*/g, ' ');
  return [`// RUN: parse`, `// ${origin}`, `// ${what}`, ...c.inputs.map((inputs) => evalLine(c, inputs)), program].join('\n');
};

/** Model string and inputs of a finding as files: NAME.mrl, NAME.x0.npy, …; the inputs of a second set are NAME.1.x0.npy. */
export const reproFiles = (name: string, finding: Finding, c: FuzzCase, origin: string): readonly ReproFile[] => [
  { name: `${name}.mrl`, content: reproText(finding, c, origin) },
  ...c.inputs.flatMap((inputs, set) =>
    inputs.map((tensor, i) => ({
      name: `${name}${set === 0 ? '' : `.${set}`}.${c.program.inputs[i]?.name ?? i}.npy`,
      content: encodeNpy(tensor),
    })),
  ),
];
