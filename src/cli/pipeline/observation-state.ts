import { mkdirSync, readdirSync, readFileSync, rmdirSync, rmSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { identityHash, paramDigest, programCost, type Program } from '../../ir/index.ts';
import { type Collector, type CollectorState, newCollector, type ObserveJob } from '../../passes/index.ts';
import { type Diagnostic, diagnostic, sha256Hex } from '../../support/index.ts';
import { writeFileAtomic } from '../drafts.ts';
import { compilerVersion } from '../version.ts';
import type { DigestedSamples } from './digested-samples.ts';
import { decodeState, encodeState } from './observation-codec.ts';

/** An observation that is under way. */
interface Saved {
  /** What an earlier run left; undefined when there is nothing. */
  readonly collector: Collector | undefined;
  /** Writes what is known by now, if the last time is long ago. */
  readonly keep: (collector: Collector) => void;
  /** Writes the whole. */
  readonly finish: (collector: Collector) => void;
}

/** Where observations are kept between runs. */
export interface ObservationState {
  open(job: ObserveJob, samples: DigestedSamples): Saved;
}

const nothing: Saved = { collector: undefined, keep: () => undefined, finish: () => undefined };

export const stateless: ObservationState = { open: () => nothing };

/** Operations from which on an observation is worth keeping: about ten seconds. */
const WORTHWHILE = 1e11;
const INTERVAL_MS = 20_000;
const PREFIX = 'observation-';
const SUFFIX = '.bin';
/** A state that large is not kept: writing it takes longer than it saves. */
const MOST_BYTES = 2 ** 30;

/** Everything that decides what is observed: the compiler, the program with its parameters, the samples, the request. */
const keyOf = ({ program, request }: ObserveJob, samples: DigestedSamples): string => {
  const params = (p: Program): readonly string[] => p.params.map((param) => paramDigest(param.tensor));
  return sha256Hex(
    JSON.stringify([compilerVersion(), identityHash(program), request, program.types, program.nodes]),
    params(program).join(','),
    samples.source.fingerprint(),
  );
};

const ignored = (path: string, why: string): Diagnostic =>
  diagnostic('CLI3004', `the record of an earlier calibration ${why} and is left out`, {
    severity: 'warning',
    where: path,
    notes: ['The samples run again.'],
  });

export interface StateOptions {
  readonly cwd: string;
  /** Made when something is written. */
  readonly folder: string;
  readonly now: () => number;
  readonly warnings: Diagnostic[];
  /** Keeps even small observations: for tests. */
  readonly always?: boolean;
}

const readState = (path: string, shown: string, key: string, warnings: Diagnostic[]): ReturnType<typeof decodeState> => {
  const stat = statSync(path, { throwIfNoEntry: false });
  if (stat === undefined || !stat.isFile()) return undefined;
  const state = stat.size > MOST_BYTES ? undefined : decodeState(new Uint8Array(readFileSync(path)), key);
  if (state === undefined) warnings.push(ignored(shown, stat.size > MOST_BYTES ? 'is too large' : 'is damaged or of another calibration'));
  return state;
};

/**
 * Keeps observations in FOLDER/observation-KEY.bin, KEY being a digest of everything that decides them: an interrupted run goes on
 * from it, and a run with other bits or another method has nothing to run. Files are replaced as a whole; a file that is damaged or
 * does not fit is left out with a warning (CLI3004), and one that cannot be written is not missed.
 */
export const observationState = ({ cwd, folder, now, warnings, always = false }: StateOptions): ObservationState => ({
  open: (job, samples) => {
    if (!always && programCost(job.program) * samples.count < WORTHWHILE) return nothing;
    const key = keyOf(job, samples);
    const shown = join(folder, `${PREFIX}${key.slice(0, 16)}${SUFFIX}`);
    const found = readState(resolve(cwd, shown), shown, key, warnings);
    let collector: Collector | undefined;
    if (found !== undefined) {
      collector = newCollector(job);
      if (!collector.resume(found.state)) {
        collector = undefined;
        warnings.push(ignored(shown, 'does not fit the model'));
      } else if (found.digest !== undefined) samples.know(found.digest);
    }
    let written = now();
    const write = (state: CollectorState | undefined, digest: string | undefined): void => {
      if (state === undefined) return;
      mkdirSync(resolve(cwd, folder), { recursive: true });
      writeFileAtomic(cwd, shown, encodeState(key, state, digest));
      written = now();
    };
    return {
      collector,
      keep: (c) => void (now() - written > INTERVAL_MS && write(c.state(), undefined)),
      finish: (c) => void (found?.digest === undefined && write(c.state(), samples.digest())),
    };
  },
});

/** Removes the observations in a folder, and the folder when nothing else is in it. */
export const removeObservations = (cwd: string, folder: string): void => {
  const full = resolve(cwd, folder);
  if (statSync(full, { throwIfNoEntry: false })?.isDirectory() !== true) return;
  for (const name of readdirSync(full)) if (name.startsWith(PREFIX) && name.endsWith(SUFFIX)) rmSync(join(full, name), { force: true });
  if (readdirSync(full).length === 0) rmdirSync(full);
};
