/** The part of the engine's WebAssembly API that is used here; it belongs to no library of types without a browser. */
interface Engine {
  readonly Memory: new (limits: { initial: number; maximum: number }) => { readonly buffer: ArrayBuffer };
  readonly Module: new (binary: Uint8Array) => object;
  readonly Instance: new (module: object, imports: object) => { readonly exports: Readonly<Record<string, unknown>> };
  readonly CompileError: new () => Error;
}

declare const WebAssembly: Engine;

/** Memory of a fixed size; undefined when the machine does not give it. */
export const allocateMemory = (pages: number): { readonly buffer: ArrayBuffer } | undefined => {
  try {
    return new WebAssembly.Memory({ initial: pages, maximum: pages });
  } catch {
    return undefined;
  }
};

/** The module, or why the engine refuses it: engines limit the size of functions and the number of their variables. */
export const compileModule = (binary: Uint8Array): { readonly module: object } | { readonly refusal: string } => {
  try {
    return { module: new WebAssembly.Module(binary) };
  } catch (error) {
    if (error instanceof WebAssembly.CompileError) return { refusal: error.message };
    throw error;
  }
};

/** Functions without arguments that a module exports. */
export const instantiate = (module: object, memory: object): ReadonlyMap<string, () => void> => {
  const { exports } = new WebAssembly.Instance(module, { env: { memory } });
  return new Map(
    Object.entries(exports).flatMap(([name, value]) => (typeof value === 'function' ? [[name, value as () => void] as const] : [])),
  );
};
