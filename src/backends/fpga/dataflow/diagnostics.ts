import { type Diagnostic, diagnostic } from '../../../support/index.ts';

export const notAvailable = (where: string, why: string): Diagnostic =>
  diagnostic('FPG0040', `not available in dataflow mode: ${why}`, {
    where,
    notes: ['Use --mode overlay, which runs every op.'],
  });

export const targetMissed = (target: number, where: string, least: number): Diagnostic =>
  diagnostic('FPG0041', `${target} cycles per frame cannot be reached: this layer needs at least ${least}`, {
    where,
    notes: [`Allow ${least} cycles per frame or more, or leave the target out.`],
  });

/** @param needs - resources as text, what is needed and what there is  @param smallest - a device that has enough */
export const tooLarge = (device: string, needs: string, smallest: string | undefined): Diagnostic =>
  diagnostic('FPG0042', `the pipeline does not fit ${device}: ${needs}`, {
    notes: [
      smallest === undefined ? 'No device of the table is large enough.' : `${smallest} is the smallest device of the table that it fits.`,
      'All weights of a pipeline are on chip. --mode overlay takes them from external memory.',
    ],
  });

export const simulationEnds = (why: string): Diagnostic =>
  diagnostic('FPG0043', `the simulation of the pipeline ends without all of its frames: ${why}`, {
    notes: ['The pipeline is wrong: report it with the program. --mode overlay gives the same bytes.'],
  });
