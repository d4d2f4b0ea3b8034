import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { type BaseError, ContractFunctionRevertedError, type Hex } from 'viem';
import { invariant } from '../../src/support/index.ts';
import { cortexc, type Deployed, type Desk, HERE, OUT, say } from './toolkit.ts';

const FRIEND: Hex = '0x70997970c51812dc3a010c7d01b50e0d17dc79c8';

/** What a contract answered instead of doing it. */
const refusal = async (work: Promise<unknown>): Promise<string | undefined> => {
  try {
    await work;
    return undefined;
  } catch (error) {
    const found = (error as BaseError).walk?.((e) => e instanceof ContractFunctionRevertedError);
    if (!(found instanceof ContractFunctionRevertedError) || found.data === undefined) throw error;
    return `${found.data.errorName}(${(found.data.args ?? []).map(String).join(', ')})`;
  }
};

const show = async (desk: Desk, contract: Deployed, what: string): Promise<void> =>
  say(
    `${what.padEnd(34)} features ${await desk.read<Hex>(contract, 'features', [desk.sender])}, risk ${await desk.read<bigint>(contract, 'riskOf', [desk.sender])}`,
  );

/** The contract of Purse.sol: it refuses payments of an address that passes on at once whatever it receives. */
export const purse = async (desk: Desk): Promise<void> => {
  mkdirSync(OUT, { recursive: true });
  const file = join(OUT, 'risk.cvm');
  await cortexc('compile', join(HERE, 'risk.mrl'), '-o', file);
  const model = await desk.publish(file);
  const bindings = join(OUT, 'purse');
  await cortexc('bind', file, '-o', bindings, '--name', 'RiskModel', '--force');
  const contract = await desk.deploy('Purse', bindings, [model]);
  say(`model      ${model}\ncontract   ${contract.address}, Purse.sol\n`);
  await show(desk, contract, 'a new address');
  await desk.send(contract, 'deposit', [], 10n ** 18n);
  await show(desk, contract, 'after a deposit');
  await desk.pass(5);
  await desk.send(contract, 'pay', [FRIEND, 1000n]);
  await show(desk, contract, 'a payment five blocks later');
  for (let i = 1; i <= 12; i++) {
    await desk.send(contract, 'deposit', [], 1000n);
    const refused = await refusal(desk.send(contract, 'pay', [FRIEND, 1000n]));
    if (refused !== undefined) {
      say(`the next is refused: ${refused}`);
      return;
    }
    await show(desk, contract, `received and paid at once, ${i}`);
  }
  invariant(false, 'no payment was refused');
};
