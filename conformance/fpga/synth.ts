/**
 * Synthesis of the FPGA core with yosys: npm run fpga-synth -- [--family xc7|xcup|cyclonev|arria10|xcu] [--part NAME] [--json].
 * Resources of lanes, units and arrays; without a choice, all for the three families that are reported: ten minutes and more the first
 * time. Each is kept in build/fpga-synth by the hash of its own Verilog, so that a run that was ended goes on where it was. Exit status: 0 done, 1 yosys fails or finds
 * something to complain about, 2 wrong use or no yosys.
 */
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { ROOT } from '../../bench/data.ts';
import { FAMILY_NAMES, PART_NAMES, type PartName, type SynthesisFamily, synthesizePart } from './testing/synthesis.ts';

const REPORTED: readonly SynthesisFamily[] = ['xc7', 'xcup', 'cyclonev'];

const say = (text: string): void => void process.stderr.write(`${text}\n`);

interface Chosen {
  readonly families: readonly SynthesisFamily[];
  readonly parts: readonly PartName[];
  readonly json: boolean;
}

const chosenOf = (args: readonly string[]): Chosen | undefined => {
  try {
    const { values } = parseArgs({
      args: [...args],
      options: { family: { type: 'string' }, part: { type: 'string' }, json: { type: 'boolean' } },
    });
    const families = values.family === undefined ? REPORTED : FAMILY_NAMES.filter((f) => f === values.family);
    const parts = values.part === undefined ? PART_NAMES : PART_NAMES.filter((p) => p === values.part);
    return families.length > 0 && parts.length > 0 ? { families, parts, json: values.json === true } : undefined;
  } catch {
    return undefined;
  }
};

const main = (): number => {
  const chosen = chosenOf(process.argv.slice(2));
  if (chosen === undefined) {
    say(`usage: npm run fpga-synth -- [--family ${FAMILY_NAMES.join('|')}] [--part ${PART_NAMES.join('|')}] [--json]`);
    return 2;
  }
  const rows: object[] = [];
  for (const family of chosen.families)
    for (const part of chosen.parts) {
      const made = synthesizePart(family, part, join(ROOT, 'build', 'fpga-synth'));
      if (!made.ok) {
        for (const d of made.diagnostics) say([`${family} ${part}: ${d.message}`, ...d.notes].join('\n'));
        return made.diagnostics.some((d) => d.code === 'FPG0010') ? 2 : 1;
      }
      const { resources, seconds } = made.value;
      const { luts, alms, registers, dsps, memories } = resources;
      rows.push({ family, part, ...resources, seconds });
      const logic = alms === undefined ? `${luts} LUT` : `${luts} ALUT (about ${alms} ALM)`;
      process.stdout.write(
        chosen.json ? '' : `${family} ${part}: ${logic}, ${registers} registers, ${dsps} DSP blocks, ${memories} memory blocks\n`,
      );
    }
  if (chosen.json) process.stdout.write(`${JSON.stringify({ rows })}\n`);
  return 0;
};

process.exitCode = main();
