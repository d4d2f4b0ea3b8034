/**
 * What is used of gpu.js 2.24 (npm), where its own typings have holes: they do not know webasm and webgpu as modes of a kernel given as text, that
 * results may be promises, nor textures as arguments beside arrays.
 */
export interface GpuJs {
  readonly GPU: GpuConstructor;
}

/** Where kernels run; `webgl` is for devices whose browser has nothing newer. */
export const MODES = ['cpu', 'webasm', 'webgl', 'webgl2', 'webgpu'] as const;
export type Mode = (typeof MODES)[number];

export interface GpuConstructor {
  new (options: { readonly mode: Mode }): GpuInstance;
  readonly isWebGLSupported?: boolean;
  readonly isWebGL2Supported?: boolean;
  readonly isWebAssemblySupported?: boolean;
  /** Asks for an adapter. */
  readonly isWebGPUAvailable?: () => Promise<boolean>;
}

export interface GpuInstance {
  readonly mode: string;
  createKernel(text: string, options: KernelOptions): GpuKernel;
  destroy(): Promise<unknown> | undefined;
}

export interface KernelOptions {
  readonly output: readonly number[];
  readonly precision: 'single';
  /** Full precision of floats in shaders. */
  readonly tactic: 'precision';
  /** Results stay on the device. */
  readonly pipeline: boolean;
  /** Each result is a texture of its own. */
  readonly immutable: boolean;
}

/** A result that stays on the device. */
export interface DeviceArray {
  toArray(): Nested | Promise<Nested>;
  delete?(): void;
}

/** Rows of rows. */
export type Nested = Float32Array | readonly Nested[];
export type Argument = Float32Array | DeviceArray;

export interface GpuKernel {
  (...args: readonly Argument[]): Nested | DeviceArray | Promise<Nested | DeviceArray>;
  destroy?(): void;
}
