import { macsOfProgram } from '../../src/backends/index.ts';
import type { Bench } from '../rows.ts';
import { type Checked, expectedResults, knowsReference, SAMPLES, samplesOf } from './expected.ts';
import { ARCHITECTURES, type ArchitectureName, onnxOf } from './networks/architectures.ts';
import { modelFile, packageOf, programOf } from './prepare.ts';

/** A network of the bench in every form that it is measured in. */
export interface Network extends Checked {
  readonly title: string;
  /** The file that peers read. */
  readonly model: string;
  readonly package: string;
  /** Multiply-accumulates of one sample. */
  readonly macs: number;
}

/** The reference takes minutes for a sample of these: their batches repeat the first two. */
const SLOW_MACS = 1e10;
const samplesFor = (macs: number): number => (macs > SLOW_MACS ? 2 : SAMPLES);

/** The ONNX file of an architecture, made the first time. */
export const architectureFile = (name: ArchitectureName): string => modelFile(`${name}.onnx`, () => onnxOf(name).bytes);

const known = new Map<string, Promise<Network>>();

const load = async (bench: Bench, title: string, model: string): Promise<Network> => {
  bench.say(`${title}: package`);
  const path = packageOf(model);
  const program = programOf(path);
  const macs = macsOfProgram(program);
  const count = samplesFor(macs);
  if (!knowsReference(program, count)) bench.say(`${title}: reference`);
  const expected = await expectedResults(path, program, count);
  return { title, model, package: path, program, macs, samples: samplesOf(program, count), expected };
};

/** The network of a model file: package and results of the reference are made, or taken from the cache. */
export const networkOfFile = (bench: Bench, title: string, model: string): Promise<Network> => {
  const found = known.get(model) ?? load(bench, title, model);
  known.set(model, found);
  return found;
};

export const networkOf = (bench: Bench, name: ArchitectureName): Promise<Network> =>
  networkOfFile(bench, ARCHITECTURES[name].title, architectureFile(name));
