import { policyRows } from '../node/policies.ts';
import { streamRows } from '../node/stream-rows.ts';
import type { Suite } from '../rows.ts';

export const node: Suite = {
  name: 'node',
  summary: 'the node: policies of the model cache, the stream of eight networks of the white paper',
  run: async (bench) => {
    await policyRows(bench);
    await streamRows(bench);
  },
};
