import { encodePackage, type MetadataInput, portMetadata } from '../../cvm-bytecode/index.ts';
import { type Program, ProgramBuilder } from '../../ir/index.ts';
import { at, unwrap } from '../../support/index.ts';

/** y = 3 * x + [0, 10, 20, 30] on i8[1,4], as i32. @param factor - another one than 3 */
export const affineProgram = (factor = 3): Program => {
  const b = new ProgramBuilder('affine');
  const x = b.input('x', { dtype: 'i8', shape: [1, 4] });
  const wide = b.emit('cast', [x], { dtype: 'i32' });
  const three = b.param('three', { dtype: 'i32', shape: [1], data: Int32Array.of(factor) });
  const bias = b.param('bias', { dtype: 'i32', shape: [1, 4], data: Int32Array.of(0, 10, 20, 30) });
  b.output('y', b.emit('add', [b.emit('mul', [wide, three], {}), bias], {}));
  return b.finish();
};

/** A package of `affineProgram` whose input stands for real = 0.5 * (q - 2) and output for real = 0.25 * q. */
export const affinePackage = (metadata: Partial<MetadataInput> = {}, program = affineProgram()): Uint8Array => {
  return unwrap(
    encodePackage({
      program,
      metadata: {
        name: 'affine',
        author: 'someone',
        description: 'three times x plus a bias',
        licence: 'CC0-1.0',
        version: '1.0.0',
        source: { format: 'mrl', file: 'affine.mrl', sha256: '0'.repeat(64), compilerVersion: '0.1.0' },
        labels: ['ant', 'bee', 'cat', 'dog'],
        inputs: [{ ...at(portMetadata(program, program.inputs), 0), scale: 0.5, zero: 2 }],
        outputs: [{ ...at(portMetadata(program, program.outputs), 0), scale: 0.25, zero: 0 }],
        ...metadata,
      },
    }),
  );
};
