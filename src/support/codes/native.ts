import type { CodeInfo } from './info.ts';

export const nativeCodes = {
  NAT0001: {
    title: 'no C compiler',
    explain:
      'The native backend compiles C with the system compiler. It takes the one that the environment variable CC names, else the first of cc, gcc and clang on PATH. ' +
      'Install one (Debian: apt-get install gcc libc6-dev), or use the wasm backend: it gives the same bytes.',
    exit: 4,
  },
  NAT0002: {
    title: 'the C compiler fails',
    explain:
      'The compiler was found but does not build the program: its own message is given. gcc 9 or later and clang 10 or later with C11, POSIX threads and the C library headers are needed. ' +
      'CC chooses another compiler; the wasm backend gives the same bytes without one.',
    exit: 4,
  },
  NAT0003: {
    title: 'native programs cannot be called here',
    explain:
      'Compiled programs are called through the optional dependency koffi, which has binaries for the usual systems and needs no build. It is missing when it was left out of the installation (npm install --omit=optional) ' +
      'or has no binary for this system. `npm install koffi` adds it; the wasm backend gives the same bytes without it.',
    exit: 4,
  },
  NAT0004: {
    title: 'the compiled library cannot be loaded',
    explain:
      'The system refuses to load the shared library, or it lacks what a program exports: it was made for another system, by another version, or lies on a file system that forbids execution (mount option noexec). ' +
      'Choose another cache folder by CORTEXC_CACHE.',
    exit: 4,
  },
  NAT0005: {
    title: 'the processor lacks the instruction set',
    explain:
      'A level (sse41, avx2, avxvnni, avx512vnni, neon, neondot) runs only on processors that have its instructions; portable runs everywhere. Leave the choice to cortexc, or name a level that is listed. All give the same bytes.',
    exit: 4,
  },
  NAT0006: {
    title: 'no such instruction set',
    explain: 'The levels are portable, sse41, avx2, avxvnni, avx512vnni, neon and neondot.',
    exit: 2,
  },
  NAT0007: {
    title: 'the cache folder cannot be used',
    explain:
      'Compiled programs are kept in a folder: CORTEXC_CACHE, else $XDG_CACHE_HOME/cortexc, else ~/.cache/cortexc. It has to be writable, have room, and belong to you alone, since code is loaded from it; no folder above it may be open to everyone. ' +
      'Where that fails, a temporary folder is used for this process: results are the same, but every process compiles again.',
    exit: 6,
  },
  NAT0008: {
    title: 'an entry of the cache is damaged',
    explain:
      'The content of a cached file no longer has the digest that was recorded when it was written: it was cut off or changed. It is never loaded; it is made anew.',
    exit: 6,
  },
  NAT0009: {
    title: 'the parameter file does not fit the program',
    explain: 'A compiled program maps one file with all parameters, whose size it knows. Emit or compile the program again to get both.',
    exit: 3,
  },
  NAT0010: {
    title: 'the system gives too little memory or too few threads',
    explain:
      'The program states how much memory it needs before it starts. Limits of the process (ulimit -v, -u; control groups) and free memory decide. Use a smaller batch or fewer threads.',
    exit: 5,
  },
  NAT0011: {
    title: 'the parameters are too large for an emitted folder',
    explain:
      'A folder of sources carries all parameters in one file that is put together in memory. Programs with more run from their package: `cortexc run --backend native` maps it.',
    exit: 5,
  },
} as const satisfies Record<string, CodeInfo>;
