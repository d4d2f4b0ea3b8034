import { command } from '../command.ts';

export const selftest = command({
  name: 'selftest',
  summary: 'Test every op on this machine against committed results',
  doc:
    'Runs small cases of every op on each backend and compares their bytes with digests that come with cortexc: the test that each op also ' +
    'passes before its first use in a process (run --no-self-test leaves that out). An op that fails would not be run here. Also tells which ' +
    'optional features of the engine give right answers. Exit code 70 when an op fails.',
  positionals: {},
  options: {
    backend: { type: 'string', array: true, requiresArg: true, describe: 'Backends to test; all if left out' },
    all: { type: 'boolean', default: false, describe: 'List every op, also those that pass' },
  },
  examples: [['cortexc selftest', 'does this machine compute what it should?']],
  run: async (args, context) => {
    const { selfTestBackends } = await import('../pipeline/selftest.ts');
    return selfTestBackends(args, context);
  },
});
