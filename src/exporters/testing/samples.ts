import { OP_NAMES, opOf, type OpName, type Program, ProgramBuilder, sampleTensors } from '../../ir/index.ts';
import { unwrap } from '../../support/index.ts';

export interface SampleProgram {
  readonly name: string;
  readonly op: OpName;
  readonly program: Program;
}

/** Every sample of every op as a program: with all operands as inputs, and with all but the first as parameters. */
export const samplePrograms = (): readonly SampleProgram[] =>
  OP_NAMES.flatMap((op) =>
    opOf(op).samples.flatMap((sample, i) =>
      (['inputs', 'parameters'] as const).flatMap((kind): readonly SampleProgram[] => {
        if (kind === 'parameters' && sample.operands.length < 2) return [];
        const builder = new ProgramBuilder(op);
        const operands = sampleTensors(sample, i + 1).map((tensor, k) =>
          kind === 'parameters' && k > 0
            ? builder.param(`block.layer.${k}`, tensor)
            : builder.input(`x${k}`, { dtype: tensor.dtype, shape: tensor.shape }),
        );
        unwrap(builder.tryEmit(op, operands, sample.attrs ?? {})).forEach((value, k) => builder.output(`y${k}`, value));
        return [{ name: `${op}_${i}_${kind}`, op, program: builder.finish() }];
      }),
    ),
  );
