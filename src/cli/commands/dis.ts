import { ok } from '../../support/index.ts';
import { command } from '../command.ts';
import { wrongKind } from '../diagnostics.ts';

export const dis = command({
  name: 'dis',
  summary: 'Disassemble the bytecode of a package',
  doc: 'Prints sections, parameter references, code and proven bounds of a package (.cvm) or of bare CVM bytecode, with byte offsets.',
  positionals: { package: { type: 'string', describe: 'The .cvm file', demandOption: true } },
  options: {},
  examples: [['cortexc dis model.cvm | less', 'read the code']],
  run: async (args, context) => {
    const path = String(args.package);
    const file = context.read(path, 'model');
    if (!file.ok) return file;
    const { decodePackage, disassemble, isBytecode, isPackage } = await import('../../cvm-bytecode/index.ts');
    const bytes = file.value;
    if (!isPackage(bytes) && !isBytecode(bytes)) {
      return {
        ok: false,
        diagnostics: [
          wrongKind(path, 'this is neither a package nor CVM bytecode', `Compile it first: cortexc compile ${path} -o model.cvm.`),
        ],
      };
    }
    const unpacked = isPackage(bytes) ? decodePackage(bytes) : undefined;
    if (unpacked?.ok === false) return unpacked;
    const text = disassemble(unpacked?.value.bytecode ?? bytes);
    return text.ok ? ok({ json: { text: text.value }, text: text.value.endsWith('\n') ? text.value : `${text.value}\n` }) : text;
  },
});
