/** The part of the engine's WebAssembly API that is used here; it belongs to no library of types without a browser. */
interface Engine {
  readonly Memory: new (limits: { initial: number; maximum: number; shared?: boolean }) => Memory;
  readonly Module: {
    new (binary: Uint8Array): Module;
    customSections(module: Module, name: string): readonly ArrayBuffer[];
  };
  readonly Instance: new (module: Module, imports: object) => { readonly exports: Readonly<Record<string, unknown>> };
  readonly CompileError: new () => Error;
  compile(binary: Uint8Array): Promise<Module>;
  /** Absent in old engines. */
  readonly compileStreaming?: (response: Response) => Promise<Module>;
}

declare const WebAssembly: Engine;

/** Linear memory of a fixed size. */
export interface Memory {
  readonly buffer: ArrayBuffer | SharedArrayBuffer;
}

declare const compiled: unique symbol;
/** A module that the engine has accepted. */
export interface Module {
  readonly [compiled]?: never;
}

/** Functions that a module exports; what they take and give is known to who built the module. */
export type Exports = ReadonlyMap<string, (...args: readonly number[]) => unknown>;

/** Memory of a fixed size; undefined when the machine does not give it. */
export const allocateMemory = (pages: number, shared = false): Memory | undefined => {
  try {
    return new WebAssembly.Memory({ initial: pages, maximum: pages, ...(shared ? { shared } : {}) });
  } catch {
    return undefined;
  }
};

/** The module, or why the engine refuses it: engines limit the size of functions and the number of their variables. */
export const compileModule = (binary: Uint8Array): { readonly module: Module } | { readonly refusal: string } => {
  try {
    return { module: new WebAssembly.Module(binary) };
  } catch (error) {
    if (error instanceof WebAssembly.CompileError) return { refusal: error.message };
    throw error;
  }
};

/** Rejects when the engine refuses it. */
export const compileBytes = (binary: Uint8Array): Promise<Module> => WebAssembly.compile(binary);

/**
 * Compiles what arrives while it arrives. Rejects when the engine refuses it, or when the type of the answer is not application/wasm
 * (WebAssembly Web API, "compile a potential WebAssembly response").
 */
export const compileStream = async (response: Response): Promise<Module> =>
  WebAssembly.compileStreaming === undefined
    ? WebAssembly.compile(new Uint8Array(await response.arrayBuffer()))
    : WebAssembly.compileStreaming(response);

/** The text of a custom section; undefined when there is none of this name. */
export const sectionText = (module: Module, name: string): string | undefined => {
  const [section] = WebAssembly.Module.customSections(module, name);
  return section === undefined ? undefined : new TextDecoder().decode(section);
};

const isFunction = (value: unknown): value is (...args: readonly number[]) => unknown => typeof value === 'function';

export const instantiate = (module: Module, memory: Memory): Exports => {
  const { exports } = new WebAssembly.Instance(module, { env: { memory } });
  return new Map(Object.entries(exports).flatMap(([name, value]) => (isFunction(value) ? [[name, value] as const] : [])));
};
