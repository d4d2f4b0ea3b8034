import { expect } from '@jest/globals';
import { type Program, runProgram, type Tensor, tensorBytes } from '../../src/ir/index.ts';
import { unwrap } from '../../src/support/index.ts';
import type { Backend } from '../../src/backends/backend.ts';

/** Compiles a program and compares its results with the reference interpreter, byte for byte. */
export const expectSame = (backend: Backend, program: Program, inputs: readonly Tensor[]): void => {
  const executable = unwrap(backend.compile(program));
  const expected = runProgram(program, inputs);
  // twice: what the first run leaves in memory must not show in the second
  for (let run = 0; run < 2; run++) {
    const actual = executable.run(inputs);
    expect(actual.length).toBe(expected.length);
    for (const [i, e] of expected.entries()) {
      const a = actual[i];
      expect({ dtype: a?.dtype, shape: a?.shape }).toEqual({ dtype: e.dtype, shape: e.shape });
      // jest's comparison of long arrays is slow, and it would call -0 and 0 or two NaNs the same
      if (a !== undefined && Buffer.compare(tensorBytes(a), tensorBytes(e)) !== 0) {
        const at = [...tensorBytes(e)].findIndex((b, k) => b !== tensorBytes(a)[k]);
        expect(`output ${i} byte ${at}: ${Array.from(a.data).slice(0, 200).join(' ')}`).toBe(Array.from(e.data).slice(0, 200).join(' '));
      }
    }
  }
};
