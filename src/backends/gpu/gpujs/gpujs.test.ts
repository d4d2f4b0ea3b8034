import { describe, expect, test } from '@jest/globals';
import { joinUses } from '../../../../tests/support/joined-uses.ts';
import { canonicalBytes, runProgram } from '../../../ir/index.ts';
import { unwrap } from '../../../support/index.ts';
import { compileForGpuJs } from './executable.ts';
import { gpuJsForTests } from './testing/package.ts';
import { supportedUses } from './testing/uses.ts';

const found = await gpuJsForTests('ops of gpujs in Node');
const there = found === undefined ? describe.skip : describe;

/** Uses that one program has side by side. */
const GROUP = 40;

there('in Node', () => {
  test.each(['cpu', 'webasm'] as const)(
    '%s: every sample of every op that is supported, operands as inputs and as parameters',
    async (mode) => {
      const uses = supportedUses();
      const wrong: string[] = [];
      for (let i = 0; i < uses.length; i += GROUP) {
        const group = uses.slice(i, i + GROUP);
        const { program, inputs } = joinUses(`ops ${i}`, group);
        const executable = unwrap(await compileForGpuJs(program, { mode, ...(found === undefined ? {} : { found }) }));
        const results = await executable.run(inputs);
        const expected = runProgram(program, inputs);
        expected.forEach((t, k) => {
          const name = program.outputs[k]?.name.replace(/^u(\d+)[.]/, (_, n) => `${group[Number(n)]?.name}: `);
          const got = results[k];
          if (got === undefined || Buffer.compare(canonicalBytes(got), canonicalBytes(t)) !== 0)
            wrong.push(`${name}: ${got?.data.slice(0, 12).join()} not ${t.data.slice(0, 12).join()}`);
        });
        executable.close?.();
      }
      expect(wrong).toEqual([]);
      expect(uses.length).toBeGreaterThan(150);
    },
    300_000,
  );
});
