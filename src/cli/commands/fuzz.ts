import { type Diagnostic, fail } from '../../support/index.ts';
import { command } from '../command.ts';
import { optionValue } from '../diagnostics.ts';

/** `90`, `90s`, `15m` or `8h` in milliseconds; undefined when it is none of them. */
const durationOf = (text: string): number | undefined => {
  const match = /^(\d{1,6}(?:\.\d{1,3})?)(s|m|h)?$/.exec(text.trim());
  if (match === null) return undefined;
  const unit = match[2] === 'h' ? 3_600_000 : match[2] === 'm' ? 60_000 : 1000;
  return Number(match[1]) * unit;
};

const LIMITS = {
  programs: { min: 1, max: 1e9 },
  seed: { min: 0, max: Number.MAX_SAFE_INTEGER },
  first: { min: 0, max: 2 ** 32 - 1 },
  nodes: { min: 1, max: 1000 },
} as const;

export const fuzz = command({
  name: 'fuzz',
  summary: 'Compare backends and passes on random programs',
  doc:
    'Makes random valid programs over all ops and compares, byte for byte: every backend with the reference interpreter, run after run; every ' +
    'pass, alone and in random sequences, with the program before it; text and bytecode with what is read back. A program that shows a ' +
    'difference is reduced to a small one and written with its inputs. The same options give the same programs on every machine. Exit code 1 ' +
    'when something differs.',
  positionals: {},
  options: {
    programs: { type: 'number', requiresArg: true, describe: 'How many programs; 1000 if left out, without end with --time' },
    time: { type: 'string', requiresArg: true, describe: 'Stop after this time, such as 60s, 15m or 8h' },
    seed: { type: 'number', default: 1, requiresArg: true, describe: 'Seed of the programs' },
    first: { type: 'number', default: 0, requiresArg: true, describe: 'Index of the first program: repeats one with --programs 1' },
    nodes: { type: 'number', default: 8, requiresArg: true, describe: 'Most uses of ops in a program' },
    backend: { type: 'string', array: true, requiresArg: true, describe: 'Backends to compare; all if left out' },
    ops: { type: 'string', array: true, requiresArg: true, describe: 'Ops to use, with commas between; all if left out' },
    pass: { type: 'string', array: true, requiresArg: true, describe: 'Passes to compare, with commas between; all if left out' },
    passes: { type: 'boolean', default: true, describe: 'Compare passes; --no-passes leaves them out' },
    'round-trips': { type: 'boolean', default: true, describe: 'Print and parse, encode and decode; --no-round-trips leaves them out' },
    out: { type: 'string', default: 'fuzz-findings', requiresArg: true, describe: 'Folder for what is found; made when needed' },
  },
  examples: [
    ['cortexc fuzz --programs 5000', 'five thousand programs, all backends and passes'],
    ['cortexc fuzz --time 10m --ops conv,rescale --no-passes', 'ten minutes of two ops'],
    ['cortexc fuzz --seed 7 --first 1234 --programs 1', 'one program again'],
  ],
  run: async (args, context) => {
    const problems: Diagnostic[] = [];
    for (const [name, { min, max }] of Object.entries(LIMITS)) {
      const value = args[name as keyof typeof LIMITS];
      if (value !== undefined && (!Number.isInteger(value) || value < min || value > max))
        problems.push(optionValue(name, `is ${value} but takes a whole number from ${min} to ${max}`));
    }
    const time = args.time === undefined ? undefined : durationOf(args.time);
    if (args.time !== undefined && time === undefined)
      problems.push(optionValue('time', `is ${args.time} but takes a number with s, m or h, such as 60s`));
    if (problems.length > 0) return fail(...problems);
    const { fuzzPrograms } = await import('../pipeline/fuzz.ts');
    return fuzzPrograms({ ...args, timeMs: time }, context);
  },
});
