import { spawnSync } from 'node:child_process';

/** A way to compile C here and to run the program. */
export interface CLevel {
  readonly name: string;
  readonly compiler: string;
  readonly flags: readonly string[];
  /** Runs programs of another processor. */
  readonly emulator?: string;
}

/** A way that this machine does not have, and why. */
export interface MissingLevel {
  readonly name: string;
  readonly missing: string;
}

/** Flags that results depend on, and the strictest reading of the text. */
const FLAGS = ['-std=c11', '-ffp-contract=off', '-Wall', '-Wextra', '-Werror', '-Wno-psabi'];

const has = (tool: string): boolean => spawnSync(tool, ['--version']).status === 0;

export const hasCompiler = (): boolean => has('cc');

/** Forms of cx_machine.h: plain C, vector extensions, SSE4.1, AVX2 and NEON, with gcc and clang as far as they are there. */
export const cLevels = (): readonly (CLevel | MissingLevel)[] => {
  if (!hasCompiler()) return [{ name: 'all levels', missing: 'there is no C compiler (cc)' }];
  const x86 = process.arch === 'x64';
  const macros = spawnSync('cc', ['-march=native', '-dM', '-E', '-x', 'c', '/dev/null'], { encoding: 'utf8' }).stdout;
  const withFlag = (flag: string, macro: string): CLevel | MissingLevel =>
    macros.includes(macro)
      ? { name: flag, compiler: 'cc', flags: [...FLAGS, flag] }
      : { name: flag, missing: 'this processor lacks the instructions' };
  return [
    { name: 'portable', compiler: 'cc', flags: [...FLAGS, '-DCX_ISA_PORTABLE'] },
    { name: 'vector extensions alone', compiler: 'cc', flags: [...FLAGS, x86 ? '-mno-sse4.1' : '-U__ARM_NEON'] },
    ...(x86 ? [withFlag('-msse4.1', '__SSE4_1__'), withFlag('-mavx2', '__AVX2__')] : []),
    ...(process.arch === 'arm64' ? [{ name: 'neon', compiler: 'cc', flags: FLAGS }] : []),
    has('aarch64-linux-gnu-gcc') && has('qemu-aarch64')
      ? { name: 'neon under qemu', compiler: 'aarch64-linux-gnu-gcc', flags: [...FLAGS, '-static'], emulator: 'qemu-aarch64' }
      : { name: 'neon under qemu', missing: 'aarch64-linux-gnu-gcc or qemu-aarch64 is not installed' },
    has('clang')
      ? { name: 'clang', compiler: 'clang', flags: [...FLAGS, ...(x86 ? ['-msse4.1'] : [])] }
      : { name: 'clang', missing: 'clang is not installed' },
  ];
};
