import { backendByName } from '../../backends/index.ts';
import { checkScript, type Exported, type Exporter, exporterByName } from '../../exporters/index.ts';
import { encodeNpy } from '../../frontend/tensors/index.ts';
import { bindDims, formatType, isSymbolic, type Program, type Tensor, typeOf } from '../../ir/index.ts';
import { type Diagnostic, fail, ok, type Result } from '../../support/index.ts';
import type { Context } from '../context.ts';
import { optionsConflict } from '../diagnostics.ts';
import type { ExportForm } from '../emit-targets.ts';
import type { FolderFile } from '../folders.ts';
import { randomInputs } from './inputs.ts';
import { loadModel, type ModelArgs } from './load.ts';

/** A program as a folder for a framework. */
export interface ExportedFolder {
  readonly files: readonly FolderFile[];
  readonly warnings: readonly Diagnostic[];
}

interface ExportArgs extends ModelArgs {
  readonly model: string;
  readonly target: string;
  readonly vectors: number;
  readonly form?: ExportForm | undefined;
}

/** Symbolic dimensions get this size in test vectors: not 1, which would hide a dimension that is taken for another. */
const SYMBOL_SIZE = 2;

const symbolsOf = (program: Program): readonly string[] => [
  ...new Set(program.inputs.flatMap(({ value }) => typeOf(program, value).shape.filter(isSymbolic))),
];

/** The program with numbers for its symbols, and what it makes of random inputs. */
const vectorsOf = async (program: Program, count: number): Promise<Result<readonly FolderFile[]>> => {
  const bound = bindDims(program, new Map(symbolsOf(program).map((s) => [s, SYMBOL_SIZE])));
  if (!bound.ok) return bound;
  const backend = backendByName('wasm');
  await backend?.prepare?.();
  const compiled = backend?.compile(bound.value);
  const slow = backendByName('reference')?.compile(bound.value);
  // every backend gives the bytes of the reference; this one sooner
  const executable = compiled?.ok === true ? compiled : slow;
  if (executable?.ok !== true) return executable ?? ok([]);
  const files: FolderFile[] = [{ name: 'vectors/list.txt', content: Array.from({ length: count }, (_, i) => `v${i}\n`).join('') }];
  for (let seed = 0; seed < count; seed++) {
    const inputs = randomInputs(bound.value, seed);
    const add = (kind: string, tensors: readonly Tensor[]): void =>
      tensors.forEach((t, i) => files.push({ name: `vectors/v${seed}/${kind}${i}.npy`, content: encodeNpy(t) }));
    add('input', inputs);
    add('output', executable.value.run(inputs));
  }
  executable.value.close?.();
  return ok(files);
};

const portsOf = (program: Program, kind: 'inputs' | 'outputs'): string =>
  program[kind].map(({ name, value }) => `- \`${name}\`: ${formatType(typeOf(program, value))}`).join('\n');

const readme = (exporter: Exporter, program: Program): string => `# ${program.name} for ${exporter.title}

${exporter.about}

## Inputs
${portsOf(program, 'inputs')}

## Outputs
${portsOf(program, 'outputs')}

## Check
\`run.py\` runs the model from Python; \`check.py\` runs the test vectors of \`vectors/\` through it. Integers have to be equal, floats within
1e-5 of the greatest output.

\`\`\`sh
pip install ${exporter.packages.join(' ')}
python3 check.py
\`\`\`
`;

interface Written {
  readonly program: Program;
  readonly exported: Exported;
  readonly warnings: readonly Diagnostic[];
}

/** @param assumeBatch - gives batches without a size 1; else symbols stay in the exported model */
const writeWith = async (exporter: Exporter, args: ExportArgs, context: Context, assumeBatch: boolean): Promise<Result<Written>> => {
  const model = await loadModel(context, args.model, args, { assumeBatch });
  if (!model.ok) return model;
  const loaded = model.value;
  const [program, notes] = loaded.kind === 'package' ? [loaded.package.program, []] : [loaded.program, loaded.warnings];
  const exported = exporter.export(program, args.form === undefined ? {} : { form: args.form });
  return exported.ok ? ok({ program, exported: exported.value, warnings: [...notes, ...exported.value.warnings] }) : exported;
};

/** Writes a model for a framework. Symbolic dimensions stay where they can. Errors: EXP0001, EXP0002 and those of reading the model. */
export const exportModel = async (args: ExportArgs, context: Context): Promise<Result<ExportedFolder>> => {
  const exporter = exporterByName(args.target);
  if (exporter === undefined)
    return fail(optionsConflict(`--target is ${args.target}, but nothing is exported to it`, 'Choose another target.'));
  context.progress.step(`writing the model for ${exporter.title}`, 0, 2);
  const symbolic = await writeWith(exporter, args, context, false);
  const written = symbolic.ok ? symbolic : await writeWith(exporter, args, context, true);
  if (!written.ok) return written;
  const { program, exported, warnings } = written.value;
  context.progress.step('running test vectors', 1, 2);
  const vectors = await vectorsOf(program, args.vectors);
  if (!vectors.ok) return vectors;
  const more = [
    { name: 'check.py', content: checkScript(program, args.form) },
    { name: 'README.md', content: readme(exporter, program) },
  ];
  return ok({ files: [...exported.files, ...more, ...vectors.value], warnings });
};
