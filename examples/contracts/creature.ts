import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { type Hex, hexToBytes, toHex } from 'viem';
import { cortexc, type Desk, HERE, OUT, say } from './toolkit.ts';

const TRAITS = ['strength', 'speed', 'sight', 'fur', 'appetite', 'calm', 'wit', 'age'] as const;
/** Cold, heat, rain and food of the seasons. */
const SEASONS = [
  ['winter', [90, 5, 30, 20]],
  ['spring', [30, 40, 70, 60]],
  ['summer', [5, 95, 15, 80]],
  ['autumn', [40, 30, 60, 90]],
] as const;
const YEARS = 3;

const bar = (n: number): string => '#'.repeat(Math.round(n / 5)).padEnd(20, '.');

/** The contract of Creature.sol: its traits are a tensor in storage, and a model with random ops makes tomorrow's from today's. */
export const creature = async (desk: Desk): Promise<void> => {
  mkdirSync(OUT, { recursive: true });
  const file = join(OUT, 'creature.cvm');
  await cortexc('compile', join(HERE, 'creature.mrl'), '-o', file);
  const model = await desk.publish(file);
  const bindings = join(OUT, 'creature');
  await cortexc('bind', file, '-o', bindings, '--name', 'CreatureModel', '--force');
  const contract = await desk.deploy('Creature', bindings, [model]);
  say(`model      ${model}\ncontract   ${contract.address}, Creature.sol\n`);
  let gas = 0n;
  for (let year = 1; year <= YEARS; year++)
    for (const [season, weather] of SEASONS) {
      gas = (await desk.send(contract, 'evolve', [toHex(Uint8Array.from(weather))])).gasUsed;
      const traits = hexToBytes(await desk.read<Hex>(contract, 'traits'));
      say(`${season} of year ${year}: ${TRAITS.map((t, i) => `${t} ${traits[i]}`).join(', ')}`);
    }
  const traits = hexToBytes(await desk.read<Hex>(contract, 'traits'));
  say(`\nafter ${await desk.read<bigint>(contract, 'generation')} generations, ${gas} gas each:`);
  for (const [i, name] of TRAITS.entries()) say(`  ${name.padEnd(9)} ${bar(traits[i] ?? 0)} ${traits[i]}`);
};
