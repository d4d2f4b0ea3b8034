import type binaryen from 'binaryen';
import { Fn, type FnHost } from './fn.ts';
import { type Kind, type Lifted, lift } from './lift.ts';
import { toolchain } from './toolchain.ts';

const MEMORY = 'memory';

/** One WebAssembly module under construction: a set of functions over one imported memory. */
export class Asm implements FnHost {
  readonly module: binaryen.Module;
  /** Instructions that take expressions only, by type: `ops.i32x4.add(a, b)`. */
  readonly ops: Lifted;
  private readonly defined = new Map<string, Kind | undefined>();

  constructor() {
    const { Module, Features } = toolchain();
    this.module = new Module();
    this.module.setFeatures(
      Features.SIMD128 |
        Features.BulkMemory |
        Features.BulkMemoryOpt |
        Features.NontrappingFPToInt |
        Features.SignExt |
        Features.MutableGlobals,
    );
    // Loads and stores name their memory when they are built. Any size fits this import; the host makes it exact.
    this.module.setMemory(1, 65536, null, [], false, false, MEMORY);
    this.module.addMemoryImport(MEMORY, 'env', 'memory');
    this.ops = lift(this.module, (kind) => this.typeOf(kind));
  }

  typeOf(kind: Kind): binaryen.Type {
    return toolchain()[kind];
  }

  /** Defines a function unless one of this name exists: the name says everything that its body depends on. */
  define(name: string, params: readonly Kind[], result: Kind | undefined, build: (f: Fn) => void): string {
    if (this.defined.has(name)) return name;
    this.defined.set(name, result);
    const f = new Fn(this, params);
    build(f);
    const { createType, none } = toolchain();
    const paramType = params.length === 0 ? none : createType(params.map((p) => this.typeOf(p)));
    const resultType = result === undefined ? none : this.typeOf(result);
    this.module.addFunction(
      name,
      paramType,
      resultType,
      f.localKinds.map((k) => this.typeOf(k)),
      f.body(resultType),
    );
    return name;
  }

  resultOf(name: string): Kind | undefined {
    return this.defined.get(name);
  }

  /** Encodes the module with memory imported as env.memory. @param exports - functions to export under their names */
  finish(exports: readonly string[]): Uint8Array {
    for (const name of exports) this.module.addFunctionExport(name, name);
    const binary = this.module.emitBinary();
    this.module.dispose();
    return binary;
  }
}
