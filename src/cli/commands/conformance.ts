import { type Diagnostic, fail } from '../../support/index.ts';
import { command } from '../command.ts';
import { optionsConflict, optionValue } from '../diagnostics.ts';

export const conformance = command({
  name: 'conformance',
  summary: 'Test a backend, of cortexc or your own, against the conformance vectors',
  doc:
    'Runs the conformance cases of every op (sizes of 0 and 1, odd sizes, ranks, broadcasting, extremes, ties, special floats, and the named cases of ' +
    'the numerics) and compares every byte with the reference and with the committed digests. --exec tests any program that speaks the protocol of ' +
    'docs/conformance-protocol.md, in any language. A failure names op, shape, data, seed and the first element that differs, with a one-op model ' +
    'that repeats it. Exit code 0: everything that ran is equal; 1: something is not.',
  positionals: {},
  options: {
    backend: { type: 'string', requiresArg: true, describe: 'Backend of cortexc to test; all of them if left out' },
    exec: { type: 'string', requiresArg: true, describe: 'Shell command of a program to test, instead of a backend' },
    ops: { type: 'string', requiresArg: true, describe: 'Only these ops, separated by commas' },
    sample: { type: 'number', requiresArg: true, describe: 'About this many cases, always the same ones; all of them if left out' },
    timeout: { type: 'number', default: 10, requiresArg: true, describe: '--exec: seconds for a reply' },
    report: { type: 'string', array: true, requiresArg: true, describe: 'Write the report: .html for people, .json for machines' },
    junit: { type: 'string', requiresArg: true, describe: 'Write the report as JUnit XML' },
    'out-dir': { type: 'string', requiresArg: true, describe: 'Write a one-op .mrl of each failure into this folder' },
    sign: { type: 'string', requiresArg: true, describe: 'Ed25519 private key (PEM) that signs the JSON report' },
    keygen: { type: 'string', requiresArg: true, describe: 'Write a new private key to this file, and do nothing else' },
    verify: { type: 'string', requiresArg: true, describe: 'Check signature and vector set of a JSON report, and do nothing else' },
    'public-key': { type: 'string', requiresArg: true, describe: '--verify: public key (PEM) that must have signed' },
  },
  examples: [
    ['cortexc conformance --report report.html', 'every case on every backend of cortexc'],
    ['cortexc conformance --exec "./my-backend --serve" --ops conv,dense', 'two ops of your own backend'],
    ['cortexc conformance --report report.json --sign key.pem', 'a signed report'],
    ['cortexc conformance --verify report.json', 'check one'],
  ],
  run: async (args, context) => {
    const problems: Diagnostic[] = [];
    const { sample } = args;
    if (args.backend !== undefined && args.exec !== undefined)
      problems.push(optionsConflict('--backend and --exec are both given', 'Leave one out.'));
    if (sample !== undefined && (!Number.isSafeInteger(sample) || sample < 1))
      problems.push(optionValue('sample', `is ${sample} but takes a whole number from 1`));
    if (!(args.timeout >= 0.05 && args.timeout <= 3600))
      problems.push(optionValue('timeout', `is ${args.timeout} but takes seconds from 0.05 to 3600`));
    const unreadable = args.report?.find((path) => !/\.(html|json)$/.test(path));
    if (unreadable !== undefined) problems.push(optionValue('report', `is ${unreadable} but takes a name that ends in .html or .json`));
    if (args.sign !== undefined && args.report?.some((path) => path.endsWith('.json')) !== true)
      problems.push(optionsConflict('--sign is given without a JSON report', 'Add --report report.json.'));
    if (args['public-key'] !== undefined && args.verify === undefined)
      problems.push(optionsConflict('--public-key is given without --verify', 'Add --verify report.json.'));
    if (problems.length > 0) return fail(...problems);
    const { runConformance } = await import('../pipeline/conformance.ts');
    return runConformance(args, context);
  },
});
