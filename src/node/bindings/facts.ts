import type { Package } from '../../cvm-bytecode/index.ts';
import { isStaticType, typeOf } from '../../ir/index.ts';
import { toHex } from '../../support/index.ts';
import { inferenceGas } from '../evm/gas.ts';
import { seedIndex } from '../evm/signature.ts';
import type { ModelFacts, PortFacts } from './binding.ts';

/** What bindings need of a package. @param fee - gas that a run pays to the author */
export const factsOfPackage = ({ program, metadata, modelHash, cost }: Package, fee: bigint): ModelFacts => {
  const seed = seedIndex(program);
  const ports = (list: typeof program.inputs, told: typeof metadata.inputs): readonly PortFacts[] =>
    list.flatMap(({ name, value }, i) => {
      const type = typeOf(program, value);
      if (!isStaticType(type)) return [];
      const { scale, zero } = told[i] ?? {};
      return [{ ...type, name, ...(scale === undefined ? {} : { scale }), ...(zero === undefined ? {} : { zero }) }];
    });
  return {
    name: metadata.name,
    hash: toHex(modelHash),
    gas: inferenceGas(BigInt(cost.operations), fee),
    inputs: ports(program.inputs, metadata.inputs).filter((_, i) => i !== seed),
    outputs: ports(program.outputs, metadata.outputs),
    seeded: seed !== undefined,
    labels: metadata.labels ?? [],
  };
};
