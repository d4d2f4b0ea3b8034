import type { ModelArgs } from '../load.ts';

/** How two model files are read. */
export interface PairArgs extends Omit<ModelArgs, 'params'> {
  readonly params?: readonly string[] | undefined;
}

export type Side = 'A' | 'B';

/** Words for one model: those that begin with `A:` or `B:` are for that model alone. */
const wordsFor = (words: readonly string[] | undefined, side: Side): readonly string[] | undefined => {
  const own = words?.filter((w) => !/^[AB]:/.test(w) || w.startsWith(side)).map((w) => w.replace(/^[AB]:/, ''));
  return own === undefined || own.length === 0 ? undefined : own;
};

/** Formats differ, so an option that one of them does not take is given to the other alone. */
export const argsFor = (args: PairArgs, path: string, side: Side): ModelArgs => {
  const name = path.toLowerCase();
  const onnx = name.endsWith('.onnx');
  const layers = !/[.](cvm|tflite|onnx|mrl)$/.test(name);
  return {
    bind: onnx || name.endsWith('.mrl') ? wordsFor(args.bind, side) : undefined,
    const: onnx ? wordsFor(args.const, side) : undefined,
    params: layers || name.endsWith('.mrl') ? wordsFor(args.params, side)?.at(-1) : undefined,
    'random-params': args['random-params'],
    shape: layers ? wordsFor(args.shape, side) : undefined,
  };
};
