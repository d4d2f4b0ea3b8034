import { closeSync, openSync, readSync } from 'node:fs';
import { diagnostic, fail, ok, type Result } from '../../../support/index.ts';

type Architecture = 'any' | 'x64' | 'arm64';

interface LevelInfo {
  readonly architecture: Architecture;
  /** What makes gcc and clang use the instructions; none is used on a processor without them. */
  readonly flags: readonly string[];
  /** Words of /proc/cpuinfo that say that a processor has them. */
  readonly features: readonly string[];
}

/** Instruction sets that programs are compiled for, worst first within an architecture. */
export const LEVELS = {
  portable: { architecture: 'any', flags: [], features: [] },
  sse41: { architecture: 'x64', flags: ['-msse4.1'], features: ['sse4_1'] },
  avx2: { architecture: 'x64', flags: ['-mavx2'], features: ['avx2'] },
  avxvnni: { architecture: 'x64', flags: ['-mavx2', '-mavxvnni'], features: ['avx2', 'avx_vnni'] },
  avx512vnni: {
    architecture: 'x64',
    flags: ['-mavx2', '-mavx512f', '-mavx512bw', '-mavx512dq', '-mavx512vl', '-mavx512vnni'],
    features: ['avx2', 'avx512f', 'avx512bw', 'avx512dq', 'avx512vl', 'avx512_vnni'],
  },
  neon: { architecture: 'arm64', flags: [], features: [] },
  neondot: { architecture: 'arm64', flags: ['-march=armv8.2-a+dotprod'], features: ['asimddp'] },
} as const satisfies Record<string, LevelInfo>;

export type Level = keyof typeof LEVELS;
export const LEVEL_NAMES = Object.keys(LEVELS) as readonly Level[];

const infoOf = (level: Level): LevelInfo => LEVELS[level];

/** The macro that the C sources of a level are compiled with: `CX_ISA_AVX2`. */
export const levelMacro = (level: Level): string => `CX_ISA_${level.toUpperCase()}`;

/** /proc/cpuinfo describes each processor in turn: the first is enough, and a machine with hundreds has a long list. */
const CPUINFO_BYTES = 8192;

/** The features that Linux lists; empty elsewhere. */
const processorFeatures = (): ReadonlySet<string> => {
  let text = '';
  try {
    const file = openSync('/proc/cpuinfo', 'r');
    const bytes = new Uint8Array(CPUINFO_BYTES);
    text = new TextDecoder().decode(bytes.subarray(0, readSync(file, bytes)));
    closeSync(file);
  } catch {
    return new Set();
  }
  const [, words] = /^(?:flags|Features)\s*:(.*)$/m.exec(text) ?? [];
  return new Set((words ?? '').split(' '));
};

const has = (features: ReadonlySet<string>, level: Level): boolean => {
  const { architecture, features: needed } = infoOf(level);
  return architecture === 'any' || (architecture === process.arch && needed.every((f) => features.has(f)));
};

/**
 * Levels that this processor runs, worst first; at least portable. Apple's arm64 processors all have the dot product and no
 * /proc. The library checks the processor itself once more when it is opened.
 */
export const hostLevels = (): readonly Level[] => {
  const features = process.platform === 'darwin' && process.arch === 'arm64' ? new Set(['asimddp']) : processorFeatures();
  return LEVEL_NAMES.filter((level) => has(features, level));
};

export interface LevelChoice {
  readonly level: Level;
  /** The level whose instructions the compiler may use: lower than `level` where that is emulated. */
  readonly machine: Level;
}

export interface LevelOptions {
  /**
   * Allows levels that this processor lacks: their layouts and loops then run on what it has. Slow; for tests.
   */
  readonly emulate?: boolean;
}

/** Whether the environment asks for such levels. */
export const isEmulating = (): boolean => process.env['CORTEXC_EMULATE_ISA'] === '1';

const isLevel = (name: string): name is Level => Object.hasOwn(LEVELS, name);

/** The best level here, or the one that is named. Errors: NAT0006 for an unknown name, NAT0005 for one that does not run here. */
export const chooseLevel = (name: string | undefined, { emulate = false }: LevelOptions = {}): Result<LevelChoice> => {
  const here = hostLevels();
  const best = here.at(-1) ?? 'portable';
  if (name === undefined) return ok({ level: best, machine: best });
  if (!isLevel(name)) {
    return fail(diagnostic('NAT0006', `there is no instruction set ${name}`, { notes: [`The levels are ${LEVEL_NAMES.join(', ')}.`] }));
  }
  if (here.includes(name)) return ok({ level: name, machine: name });
  if (emulate) return ok({ level: name, machine: best });
  const notes = [`It runs: ${here.join(', ')}. All give the same bytes.`];
  return fail(diagnostic('NAT0005', `this processor (${process.arch}) lacks the instruction set ${name}`, { notes }));
};
