import type { CodeInfo } from './info.ts';

export const fpgaCodes = {
  FPG0001: {
    title: 'program image of the FPGA core is refused',
    explain:
      'The image in memory is not what the core runs: it is no image, of another version, was changed (its checksums differ), or its header contradicts itself. The name is that of the error in register ERROR. Write the image to memory again, as the emitted folder has it.',
    exit: 3,
  },
} as const satisfies Record<string, CodeInfo>;
