import { isStaticType, type Program, runProgram, type Tensor, typeOf } from '../../../../ir/index.ts';
import { at, fail, invariant, ok, type Result } from '../../../../support/index.ts';
import { type DataflowProgram, type PipelineSimulator, type SimulationOptions, type SimulationResult, withSimulator } from '../index.ts';
import { Numbers } from './builder.ts';

/** Frames of bytes: each random, and the first ones of the extremes. */
export const framesFor = (program: Program, count: number, seed = 9): readonly (readonly Tensor[])[] => {
  const numbers = new Numbers(seed);
  return Array.from({ length: count }, () =>
    program.inputs.map(({ value }) => {
      const { dtype, shape } = typeOf(program, value);
      invariant(isStaticType({ dtype, shape }), 'frames have a size');
      return dtype === 'u8'
        ? numbers.tensor('u8', shape as readonly number[], 0, 255)
        : numbers.tensor('i8', shape as readonly number[], -128, 127);
    }),
  );
};

/** Results of the reference for frames: those of the program, then every stream between stages. */
export interface Expected {
  readonly outputs: readonly (readonly Tensor[])[];
  readonly taps: readonly (readonly Tensor[])[];
}

export const expectedOf = (d: DataflowProgram, frames: readonly (readonly Tensor[])[]): Expected => {
  const expanded = d.pipeline.program;
  const probed: Program = {
    ...expanded,
    outputs: [...expanded.outputs, ...d.taps.map((t, i) => ({ name: `tap${i}`, value: t.stream.source }))],
  };
  const all = frames.map((frame) => runProgram(probed, frame));
  const count = expanded.outputs.length;
  return { outputs: all.map((r) => r.slice(0, count)), taps: d.taps.map((_, k) => all.map((r) => at(r, count + k))) };
};

const difference = (what: string, a: Tensor, b: Tensor): string | undefined => {
  const wrong = [...b.data].filter((v, i) => v !== a.data[i]).length;
  return wrong === 0 && a.data.length === b.data.length ? undefined : `${what}: ${wrong} of ${b.data.length} differ`;
};

/** First stream that differs from the reference, stage by stage; undefined when none does. */
export const firstDifference = (d: DataflowProgram, got: SimulationResult, expected: Expected): string | undefined => {
  for (const [k, frames] of expected.taps.entries())
    for (const [f, tensor] of frames.entries()) {
      const name = k < d.pipeline.inputs.length ? 'input' : at(d.pipeline.stages, k - d.pipeline.inputs.length).name;
      const found = difference(`frame ${f}, ${name}`, at(at(got.taps, k), f), tensor);
      if (found !== undefined) return found;
    }
  for (const [f, results] of expected.outputs.entries())
    for (const [k, tensor] of results.entries()) {
      const found = difference(`frame ${f}, output ${k}`, at(at(got.outputs, f), k), tensor);
      if (found !== undefined) return found;
    }
  return undefined;
};

/**
 * No pauses; none of the results is taken until every queue and ring before them is full, and then few at a time; pauses at both ends.
 */
export const trafficsOf = ({ timing: { latency, interval } }: DataflowProgram): readonly SimulationOptions[] => [
  {},
  { hold: latency + 2 * interval, stallOut: 160 },
  { stallIn: 90, stallOut: 90, seed: 3 },
];

/** How a pipeline differs from the reference under any of the traffics; undefined when it does not. Frames go through back to back. */
export const checkPipeline = (
  d: DataflowProgram,
  frames: number,
  options: SimulationOptions = {},
  see: (result: SimulationResult, traffic: SimulationOptions) => void = () => undefined,
): Result<string | undefined> => {
  const sent = framesFor(d.source, frames);
  const expected = expectedOf(d, sent);
  const check = ({ run }: PipelineSimulator): Result<string | undefined> => {
    for (const traffic of trafficsOf(d)) {
      const got = run(sent, traffic);
      if (!got.ok) return fail(...got.diagnostics);
      see(got.value, traffic);
      const found = firstDifference(d, got.value, expected);
      if (found !== undefined) return ok(found);
    }
    return ok(undefined);
  };
  return withSimulator(d, options, check);
};
