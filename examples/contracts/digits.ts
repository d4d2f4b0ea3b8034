import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { decodeEventLog, type Hex, toHex } from 'viem';
import { decodeNpy } from '../../src/frontend/tensors/index.ts';
import { invariant, unwrap } from '../../src/support/index.ts';
import { cortexc, type Desk, OUT, ROOT, say } from './toolkit.ts';

const DATA = join(ROOT, 'examples', 'digits');
const SIDE = 8;
const SHADES = ' .:-=+*#%@';

/** The image as int8, as the metadata of the package says: brightness 0 to 1 in 1/255, -128 is black. */
const elements = (image: ArrayLike<number>): Int8Array =>
  Int8Array.from(image, (v) => Math.max(-128, Math.min(127, Math.round(v * 255) - 128)));

const picture = (image: Int8Array): string =>
  Array.from({ length: SIDE }, (_, y) =>
    Array.from({ length: SIDE }, (_, x) => {
      const shade = SHADES[Math.floor((((image[SIDE * y + x] ?? 0) + 128) * SHADES.length) / 256)] ?? ' ';
      return shade + shade;
    }).join(''),
  ).join('\n');

const compile = async (file: string): Promise<void> => {
  const calibration = join(DATA, 'calibration-images.npy');
  const words = ['--name', 'digits', '--labels', join(DATA, 'labels.txt'), '--licence', 'CC-BY-4.0'];
  await cortexc('compile', join(DATA, 'model.onnx'), '-o', file, '--calibration', calibration, ...words);
};

/** The Solidity contract of Digits.sol classifies test images on the chain. */
export const digits = async (desk: Desk): Promise<void> => {
  mkdirSync(OUT, { recursive: true });
  const file = join(OUT, 'digits.cvm');
  if (!existsSync(file)) {
    say('Compiling examples/digits/model.onnx to a package ...');
    await compile(file);
  }
  const model = await desk.publish(file);
  say(`published  ${model}`);
  const bindings = join(OUT, 'digits');
  const { hash, gas } = JSON.parse(await cortexc('bind', file, '-o', bindings, '--name', 'DigitsModel', '--force', '--json')) as {
    readonly hash: string;
    readonly gas: number;
  };
  say(`model      ${hash}`);
  const contract = await desk.deploy('Digits', bindings, [model]);
  say(`contract   ${contract.address}, Digits.sol, compiled with solc\n`);

  const images = unwrap(decodeNpy(readFileSync(join(DATA, 'test-images.npy'))));
  const labels = unwrap(decodeNpy(readFileSync(join(DATA, 'test-labels.npy'))));
  const n = 5;
  const image = elements(images.data.subarray(SIDE * SIDE * n, SIDE * SIDE * (n + 1)));
  say(picture(image));
  const bytes: Hex = toHex(new Uint8Array(image.buffer));
  const receipt = await desk.send(contract, 'classify', [bytes]);
  const [log] = receipt.logs;
  invariant(log !== undefined, 'the contract told nothing');
  const { args } = decodeEventLog({ abi: contract.abi, data: log.data, topics: log.topics });
  const { digit, score } = args as unknown as { readonly digit: bigint; readonly score: number };
  say();
  say(
    `class      ${digit} (${await desk.read<string>(contract, 'look', [bytes])}), score ${score}; the label of the test set is ${labels.data[n]}`,
  );
  say(`Endorphin  ${gas} of ${receipt.gasUsed} gas`);
  say(`block      ${receipt.blockNumber}, ${receipt.blockHash}`);
  invariant(Number(digit) === Number(labels.data[n]), 'that is not the digit of the test set');
  say(
    `\nThe contract: ${join('examples', 'contracts', 'Digits.sol')}; the library that it imports was written by cortexc bind. Others: npm run tour -- creature, npm run tour -- purse.`,
  );
};
