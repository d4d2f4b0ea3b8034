import { decodePackage, isPackage } from '../../../cvm-bytecode/index.ts';
import { bindingOf, contractSource, factsOfPackage, solidityBinding, typescriptBinding } from '../../../node/index.ts';
import { fail, ok, type Result } from '../../../support/index.ts';
import type { Report } from '../../command.ts';
import type { Context } from '../../context.ts';
import { wrongKind } from '../../diagnostics.ts';
import { type FolderFile, writeFolder } from '../../folders.ts';
import { formatCount } from '../../text.ts';

export interface BindArgs {
  readonly model: string;
  readonly output: string;
  readonly languages: readonly ('solidity' | 'typescript')[];
  readonly name?: string | undefined;
  readonly address?: string | undefined;
  readonly fee: number;
  readonly force: boolean;
}

/** `cortexc bind`. */
export const bindModel = (args: BindArgs, context: Context): Result<Report> => {
  const file = context.read(args.model, 'model');
  if (!file.ok) return file;
  if (!isPackage(file.value)) return fail(wrongKind(args.model, 'this is no package', 'Make one: cortexc compile MODEL.'));
  const decoded = decodePackage(file.value);
  if (!decoded.ok) return decoded;
  const facts = factsOfPackage(decoded.value, BigInt(args.fee));
  const binding = bindingOf({ ...facts, ...(args.address === undefined ? {} : { address: args.address }) }, args.name);
  const stem = binding.name;
  const solidity: readonly FolderFile[] = [
    { name: `${stem}.sol`, content: solidityBinding(binding) },
    { name: 'Infer.sol', content: contractSource('Infer.sol') },
    ...(facts.seeded ? [{ name: 'InferOps.sol', content: contractSource('InferOps.sol') }] : []),
  ];
  const files = args.languages.flatMap((l) =>
    l === 'solidity' ? solidity : [{ name: `${stem.charAt(0).toLowerCase()}${stem.slice(1)}.ts`, content: typescriptBinding(binding) }],
  );
  const written = writeFolder(context, args.output, files, args.force);
  if (!written.ok) return written;
  const { inputBytes, outputBytes } = binding;
  return ok({
    json: { files: files.map((f) => f.name), name: binding.name, hash: facts.hash, gas: Number(facts.gas), inputBytes, outputBytes },
    text:
      files.map((f) => `wrote ${args.output}/${f.name}\n`).join('') +
      `${binding.name}: ${formatCount(inputBytes)} bytes in, ${formatCount(outputBytes)} bytes out, ${formatCount(Number(facts.gas))} gas a run\n`,
  });
};
