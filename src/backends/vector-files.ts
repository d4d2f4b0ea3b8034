import { encodeNpy } from '../frontend/tensors/index.ts';
import type { Tensor } from '../ir/index.ts';
import type { EmittedFile } from './backend.ts';

/** A run with what has to come out. */
export interface TestVector {
  readonly inputs: readonly Tensor[];
  readonly outputs: readonly Tensor[];
}

/** Test vectors as the runners in C read them: vectors/list.txt with a name a line, vectors/NAME/input0.npy, output0.npy and so on. */
export const vectorFiles = (vectors: readonly TestVector[]): readonly EmittedFile[] => {
  const files = vectors.flatMap((vector, i) =>
    (['input', 'output'] as const).flatMap((kind) =>
      vector[`${kind}s`].map((tensor, k): EmittedFile => ({ name: `vectors/v${i}/${kind}${k}.npy`, content: encodeNpy(tensor) })),
    ),
  );
  return [{ name: 'vectors/list.txt', content: vectors.map((_, i) => `v${i}\n`).join('') }, ...files];
};
