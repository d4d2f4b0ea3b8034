import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { loadBackend, type Peak } from '../../src/backends/index.ts';
import { at, unwrap } from '../../src/support/index.ts';
import { ROOT } from '../data.ts';
import { withFolder } from '../models.ts';

const MILLISECONDS = 200;
const COMPILERS = ['cc', 'gcc', 'clang'] as const;

/** Peaks of the processor's instructions on so many threads together, or why there are none. */
export type NativePeaks = { readonly peaks: readonly Peak[] } | { readonly missing: string };

/** Builds bench/cpu/peak/peak.c for this processor and runs it. */
export const nativePeaks = (threads: number): Promise<NativePeaks> =>
  withFolder(async (folder): Promise<NativePeaks> => {
    const source = join(ROOT, 'bench', 'cpu', 'peak', 'peak.c');
    if (!existsSync(source)) return { missing: 'bench/cpu/peak/peak.c is not there' };
    const program = join(folder, 'peak');
    let reason = 'no C compiler (cc, gcc, clang)';
    for (const compiler of COMPILERS) {
      const built = spawnSync(compiler, ['-O2', '-march=native', '-pthread', source, '-o', program], { encoding: 'utf8' });
      if (built.error !== undefined) continue;
      if (built.status !== 0) {
        reason = `${compiler}: ${built.stderr.trim().split('\n').at(-1) ?? ''}`;
        continue;
      }
      const { stdout, status } = spawnSync(program, [String(MILLISECONDS), String(threads)], { encoding: 'utf8' });
      if (status !== 0) return { missing: `the program ended with ${status}` };
      const lines = stdout
        .trim()
        .split('\n')
        .map((line) => line.split('\t'));
      return { peaks: lines.map((words) => ({ instruction: at(words, 0), gmacs: Number(at(words, 1)) })) };
    }
    return { missing: reason };
  });

/** The fastest of them. */
export const best = (peaks: readonly Peak[]): Peak => peaks.reduce((a, b) => (b.gmacs > a.gmacs ? b : a), at(peaks, 0));

/** What WebAssembly can do here with the instruction that the backend uses. */
export const wasmPeak = async (): Promise<Peak | undefined> => unwrap(await loadBackend('wasm')).peak?.();
