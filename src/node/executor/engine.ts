import { type AsyncExecutable, compileAny, type Backend } from '../../backends/index.ts';
import { decodePackage } from '../../cvm-bytecode/index.ts';
import { type Program, type Tensor, valueBytes } from '../../ir/index.ts';
import { type ByteSource, type Code, toHex } from '../../support/index.ts';
import { DataUnavailable, type InferenceEngine } from '../evm/engine.ts';
import { packTensors, unpackTensors } from '../evm/packing.ts';
import { seedIndex } from '../evm/signature.ts';
import { type CacheCounts, ModelCache } from './model-cache.ts';
import { type CachePolicy, lru } from './policy.ts';

/** Where a node finds what models and inputs are made of. */
export interface ObjectSource {
  /** The package whose root has this SHA-256; undefined when this node lacks it. */
  readonly package: (hash: Uint8Array) => Promise<ByteSource | undefined>;
  /** The stored input with this SHA-256. */
  readonly input: (hash: Uint8Array) => Promise<Uint8Array | undefined>;
}

export interface EngineOptions {
  readonly source: ObjectSource;
  /** Ready to compile (`loadBackend`). */
  readonly backend: Backend;
  /** Bytes of programs that are kept ready. */
  readonly cacheBytes?: number;
  readonly policy?: CachePolicy;
  readonly threads?: number;
  /** Clock in milliseconds, for policies that weigh what it takes to make a program ready. */
  readonly now?: () => number;
}

/** A program ready to run. */
interface Ready {
  readonly program: Program;
  readonly seed: number | undefined;
  readonly executable: AsyncExecutable;
}

/** A package that every node with the file refuses in the same words. */
interface Refused {
  readonly refused: string;
}

export interface LocalEngine extends InferenceEngine {
  readonly counts: () => CacheCounts;
  /** Makes a model ready before anyone asks for it. */
  readonly preload: (hash: Uint8Array) => Promise<void>;
  readonly close: () => void;
}

/**
 * What is wrong with the contents of blocks that have the digests that the root names: everyone who has them finds the same. All other
 * problems are of the file that this node has.
 */
const FAULTS_OF_THE_MODEL: ReadonlySet<Code> = new Set(['CVM1013', 'CVM1014', 'CVM1015', 'CVM2006', 'CVM2007', 'CVM2011']);

const DEFAULT_CACHE_BYTES = 2 ** 31;

/** Runs models of a source on a backend, and keeps them ready while there is room. */
export const createEngine = (options: EngineOptions): LocalEngine => {
  const { source, backend, cacheBytes = DEFAULT_CACHE_BYTES, policy = lru(), threads = 1, now = () => 0 } = options;
  const dispose = (made: Ready | Refused): void => {
    if ('executable' in made) made.executable.close?.();
  };
  const cache = new ModelCache<Ready | Refused>(cacheBytes, policy, dispose, now);

  const ready = async (hash: Uint8Array): Promise<{ readonly value: Ready | Refused; readonly bytes: number }> => {
    const file = await source.package(hash);
    if (file === undefined) throw new DataUnavailable(hash, 'package');
    const decoded = decodePackage(file);
    if (!decoded.ok) {
      const codes = decoded.diagnostics.map((d) => d.code);
      // a file that is damaged here says nothing of the model
      if (!codes.every((code) => FAULTS_OF_THE_MODEL.has(code))) throw new DataUnavailable(hash, `undamaged package (${codes.join(', ')})`);
      return { value: { refused: `package is refused: ${codes.join(', ')}` }, bytes: 64 };
    }
    const { program } = decoded.value;
    const compiled = await compileAny(backend, program, { threads });
    // a backend that cannot run what the bytecode allows is this node's trouble, never the chain's
    if (!compiled.ok) throw new DataUnavailable(hash, `${backend.name} cannot run (${compiled.diagnostics[0]?.message ?? ''}) package`);
    const executable = compiled.value;
    const { memory } = executable;
    const bytes = memory === undefined ? decoded.value.cost.parameterBytes + valueBytes(program) : memory.parameters + memory.arena;
    return { value: { program, seed: seedIndex(program), executable }, bytes };
  };

  return {
    infer: ({ meta, input, seed }) =>
      cache.use(
        toHex(meta.hash),
        () => ready(meta.hash),
        async (model) => {
          if ('refused' in model) return model.refused;
          const given = unpackTensors(meta.inputs, input);
          if ('value' in given) return `element ${given.index} of input ${given.port} is ${given.value}, which its type does not hold`;
          const inputs: Tensor[] = [...given];
          if (model.seed !== undefined) inputs.splice(model.seed, 0, { dtype: 'i32', shape: [2], data: Int32Array.from(seed) });
          return packTensors(await model.executable.run(inputs));
        },
      ),
    readInput: async (hash, size) => {
      const bytes = await source.input(hash);
      if (bytes === undefined || BigInt(bytes.length) !== size) throw new DataUnavailable(hash, 'input');
      return bytes;
    },
    counts: () => cache.counts(),
    preload: (hash) =>
      cache.use(
        toHex(hash),
        () => ready(hash),
        () => undefined,
      ),
    close: () => cache.clear(),
  };
};
