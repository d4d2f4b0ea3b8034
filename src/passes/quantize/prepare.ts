import { isStaticType, type Program } from '../../ir/index.ts';
import { at, diagnostic, fail, ok, type Result, unwrap } from '../../support/index.ts';
import { runPasses } from '../registry.ts';
import { foldUpTo, type Keeps } from '../transform/fold.ts';
import { hoistClampLoosely } from '../transform/hoist-clamp.ts';
import { expandButNorms } from './expand-norms.ts';
import { liftQuantization } from './given/lift.ts';

/** Weights that a model spells as expansions of a constant are made whole up to this size: they become int8. */
const LARGEST_WEIGHTS = 2 ** 28;

/** The integers that a model stores for its weights stay beside the reals that they stand for: `givenScales` reads them. */
const keepsStored: Keeps = (node) => node.op === 'dequantize';

/**
 * The float program as the quantizer wants it: quantization of its own in one spelling, batch norms folded into weights, primitives and such norms as have an
 * integer form of their own, no-ops gone, relu and clip next to the layers they follow.
 */
export const prepareFloat = (program: Program): Program => {
  const whole = foldUpTo(liftQuantization(program), LARGEST_WEIGHTS, keepsStored);
  const plain = unwrap(runPasses(whole, ['canonicalize', 'fold-pad', 'fold-batch-norm']));
  const folded = unwrap(runPasses(foldUpTo(expandButNorms(plain), undefined, keepsStored), ['canonicalize']));
  return unwrap(runPasses(hoistClampLoosely(folded), ['fold-batch-norm', 'cse', 'dce']));
};

/** Every input needs numbers for its dimensions. */
export const checkStatic = (program: Program): Result<Program> => {
  const problems = program.inputs.flatMap((port) => {
    const type = at(program.types, port.value);
    const symbol = type.shape.find((d) => typeof d === 'string');
    return isStaticType(type)
      ? []
      : [
          diagnostic('IR0008', `input ${port.name} has the dimension ${String(symbol)} without a number`, {
            notes: [`Bind it: --bind ${String(symbol)}=1.`],
          }),
        ];
  });
  return problems.length > 0 ? fail(...problems) : ok(program);
};
