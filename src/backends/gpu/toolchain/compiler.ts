import { spawnSync } from 'node:child_process';
import { copyFileSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { type Code, diagnostic, MrlError } from '../../../support/index.ts';
import { inTemporaryFolder } from '../../cpu/cache/files.ts';
import type { Unit } from '../cuda/program.ts';
import { unitHeaders } from '../cuda/sources.ts';

/** Makes modules of a device out of the units of a program. */
export interface KernelCompiler {
  /** All that what it makes depends on besides the units: the program, its version, options. */
  readonly identity: readonly (string | number)[];
  /** Writes the module of each unit to `draft` under `moduleName`. @throws {MrlError} */
  readonly compile: (units: readonly Unit[], draft: string) => void;
}

/** The file of the module of the unit of that number. */
export const moduleName = (i: number): string => `module_${i}.bin`;

const TIMEOUT_MS = 30 * 60_000;
const MESSAGE_LINES = 12;

/** What a compiler says that does not do its work. */
export const compilerFailed = (code: Code, why: string, output: string, notes: readonly string[]): MrlError => {
  const lines = output.split('\n').filter((line) => line.trim() !== '' && !line.includes('warning'));
  const shown = [...lines.filter((line) => line.includes('error')), ...lines.filter((line) => !line.includes('error'))];
  return new MrlError([diagnostic(code, [why, ...shown.slice(0, MESSAGE_LINES)].join('\n'), { notes })]);
};

/** A program that compiles one file of a folder, started for as many at a time as there are cores. */
export interface SideBySide {
  /** For people. */
  readonly name: string;
  readonly program: string;
  /** Between the program and `-o OUTPUT INPUT`. */
  readonly flags: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly failed: (why: string, output: string) => MrlError;
}

const quoted = (word: string): string => `'${word.replaceAll("'", `'\\''`)}'`;

/** Compiles all units in a folder with the headers. @throws what `failed` makes */
export const compileSideBySide = (units: readonly Unit[], draft: string, { name, program, flags, env, failed }: SideBySide): void =>
  inTemporaryFolder((work) => {
    for (const file of [...unitHeaders(), ...units]) writeFileSync(join(work, file.name), file.text);
    // names of units are ours
    const list = units.map((unit, i) => `${unit.name} ${moduleName(i)}\n`).join('');
    const command = [program, ...flags].map(quoted).join(' ');
    writeFileSync(join(work, 'one.sh'), `${command} -o "$2" "$1" > "$1.log" 2>&1 || { cat "$1.log"; exit 255; }`);
    const ran = spawnSync('xargs', ['-P', String(availableParallelism()), '-L', '1', 'sh', 'one.sh'], {
      cwd: work,
      input: list,
      encoding: 'utf8',
      timeout: TIMEOUT_MS,
      maxBuffer: 1 << 26,
      env: { ...process.env, ...env },
    });
    if (ran.error !== undefined) throw failed(`${name} does not run: ${ran.error.message}`, '');
    if (ran.status !== 0) throw failed(`${name} fails`, `${ran.stdout}${ran.stderr}`);
    units.forEach((_, i) => copyFileSync(join(work, moduleName(i)), join(draft, moduleName(i))));
  });
