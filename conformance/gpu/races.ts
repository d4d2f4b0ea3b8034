/**
 * Race check of the CUDA backend: npm run gpu-races -- [--only N,M] [--json]. Every sample of every op runs on the CPU with a look at each
 * access to memory (src/backends/gpu/shim): what two threads access, one of them writing, and no barrier orders, is told. Needs a C++
 * compiler and koffi. Exit status: 0 none is found, 1 some are, 2 wrong use.
 */
import { rmSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { samplePrograms } from '../../bench/gpu/samples.ts';
import { findRace, openDevice, raceFolder } from './testing/races.ts';

const say = (text: string): void => void process.stderr.write(`${text}\n`);

/** Numbers of programs; undefined where an argument is not right. */
const chosenOf = (args: readonly string[], count: number): { readonly chosen: readonly number[]; readonly json: boolean } | undefined => {
  try {
    const { values } = parseArgs({ args: [...args], options: { only: { type: 'string' }, json: { type: 'boolean' } } });
    const chosen = values.only === undefined ? Array.from({ length: count }, (_, i) => i) : values.only.split(',').map(Number);
    return chosen.every((n) => Number.isInteger(n) && n >= 0 && n < count) ? { chosen, json: values.json === true } : undefined;
  } catch {
    return undefined;
  }
};

const main = (): number => {
  const programs = samplePrograms();
  const selected = chosenOf(process.argv.slice(2), programs.length);
  if (selected === undefined) {
    say(`usage: npm run gpu-races -- [--only N,M] [--json], N below ${programs.length}`);
    return 2;
  }
  const device = openDevice();
  const found: string[] = [];
  try {
    for (const [i, { program, vector }] of programs.entries()) {
      if (!selected.chosen.includes(i)) continue;
      const started = Date.now();
      const race = findRace(device, { name: program.name, program, ...vector });
      if (race !== undefined) found.push(race);
      say(`${program.name}: ${race ?? 'no race'} (${program.nodes.length} ops, ${((Date.now() - started) / 1000).toFixed(1)} s)`);
    }
  } finally {
    rmSync(raceFolder(), { recursive: true, force: true });
  }
  if (selected.json) process.stdout.write(`${JSON.stringify({ programs: selected.chosen.length, found })}\n`);
  else process.stdout.write(`${selected.chosen.length} programs, ${found.length} with races or wrong bytes\n`);
  return found.length === 0 ? 0 : 1;
};

process.exitCode = main();
