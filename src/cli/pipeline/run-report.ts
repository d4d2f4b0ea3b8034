import { join } from 'node:path';
import { at, type Diagnostic, fail, ok, type Result } from '../../support/index.ts';
import type { Report } from '../command.ts';
import type { Context } from '../context.ts';
import { optionsConflict } from '../diagnostics.ts';
import type { Json } from '../json.ts';
import { formatDuration } from '../text.ts';
import { type Output, outputFile, outputsJson, outputsText } from './outputs.ts';
import type { RunArgs } from './run-args.ts';

/** File names of outputs: letters, digits, dot, dash and underscore of their names; each one once. */
const fileNames = (names: readonly string[]): readonly string[] => {
  const taken = new Set<string>();
  return names.map((name) => {
    const base =
      name
        .replace(/[^A-Za-z0-9._-]+/g, '_')
        .replace(/^[.]+/, '_')
        .slice(0, 100) || 'output';
    let unique = base;
    // Case is ignored: some file systems do.
    for (let i = 2; taken.has(unique.toLowerCase()); i++) unique = `${base}_${i}`;
    taken.add(unique.toLowerCase());
    return `${unique}.npy`;
  });
};

/** Writes outputs where the command line wants them. @returns the paths */
export const writeOutputs = (context: Context, args: RunArgs, outputs: readonly Output[]): Result<readonly string[]> => {
  const folder = args['out-dir'];
  if (args.output !== undefined && outputs.length > 1) {
    return fail(optionsConflict(`--output takes one output, but the model has ${outputs.length}`, 'Write them all with --out-dir FOLDER.'));
  }
  const written: string[] = [];
  const names = fileNames(outputs.map((o) => o.name));
  for (const [i, output] of outputs.entries()) {
    const path = args.output ?? (folder === undefined ? undefined : join(folder, at(names, i)));
    if (path === undefined) continue;
    const result = context.write(path, outputFile(output, args.raw));
    if (!result.ok) return result;
    written.push(path);
  }
  return ok(written);
};

/** How all samples were run. */
export interface RunFacts {
  readonly backend: string;
  readonly isa: string | undefined;
  readonly threads: number;
  readonly samples: number;
  /** Samples of a run. */
  readonly batch: number;
  readonly ms: number;
  readonly verified: boolean;
  readonly outputs: readonly Output[];
  readonly profile?: { readonly json: Json; readonly text: string } | undefined;
  /** Paths of what was written. */
  readonly files: readonly string[];
  readonly warnings: readonly Diagnostic[];
}

/** How it ran, in words: `native avx2, 2 threads, 16 samples in 2 runs of 8 in 34 ms`. */
const ranText = ({ backend, isa, threads, samples, batch, ms }: RunFacts): string => {
  const where = [isa === undefined ? backend : `${backend} ${isa}`, ...(threads === 1 ? [] : [`${threads} threads`])].join(', ');
  const runs = Math.ceil(samples / batch);
  const count = `${runs} ${runs === 1 ? 'run' : 'runs'}`;
  return `${where}, ${batch === 1 ? count : `${samples} samples in ${count} of ${batch}`} in ${formatDuration(ms)}`;
};

/** What `cortexc run` says. */
export const runReport = (facts: RunFacts): Report => {
  const { backend, isa, threads, samples, batch, ms, verified, outputs, profile, files, warnings } = facts;
  const told = `${ranText(facts)}${verified ? ', every byte equal to the reference' : ''}\n`;
  return {
    json: {
      backend,
      ...(isa === undefined ? {} : { isa }),
      threads,
      batch,
      samples,
      runs: Math.ceil(samples / batch),
      ms,
      ...(verified ? { verified: true } : {}),
      outputs: outputsJson(outputs),
      ...(profile === undefined ? {} : { profile: profile.json }),
      ...(files.length === 0 ? {} : { files: [...files] }),
    },
    text: `${outputsText(outputs)}\n${profile === undefined ? '' : `${profile.text}\n`}${told}${files.map((path) => `wrote ${path}\n`).join('')}`,
    warnings,
  };
};
