/** What is used of WebGPU (W3C, WebGPU), named as there: browsers have it as `navigator.gpu`, Node through the npm package `webgpu`. */
export interface Gpu {
  requestAdapter(options?: { readonly powerPreference?: string }): Promise<GpuAdapter | null>;
  readonly wgslLanguageFeatures?: { has(name: string): boolean };
}

export interface GpuLimits {
  readonly maxStorageBufferBindingSize: number;
  readonly maxBufferSize: number;
}

export interface GpuAdapter {
  readonly limits: GpuLimits;
  readonly info?: { readonly vendor: string; readonly architecture: string; readonly device: string; readonly description: string };
  requestDevice(options: { readonly requiredLimits: Readonly<Record<string, number>> }): Promise<GpuDevice>;
}

interface GpuError {
  readonly message: string;
}

export interface GpuBuffer {
  mapAsync(mode: number): Promise<void>;
  getMappedRange(): ArrayBuffer;
  unmap(): void;
  destroy(): void;
}

export interface GpuComputePipeline {
  readonly label?: string;
}
export interface GpuBindGroup {
  readonly label?: string;
}
interface GpuBindGroupLayout {
  readonly label?: string;
}
interface GpuPipelineLayout {
  readonly label?: string;
}
interface GpuShaderModule {
  readonly label?: string;
}

interface GpuPass {
  setPipeline(pipeline: GpuComputePipeline): void;
  setBindGroup(index: number, group: GpuBindGroup): void;
  dispatchWorkgroups(x: number, y: number): void;
  end(): void;
}

interface GpuEncoder {
  beginComputePass(): GpuPass;
  copyBufferToBuffer(from: GpuBuffer, fromOffset: number, to: GpuBuffer, toOffset: number, bytes: number): void;
  finish(): object;
}

export interface GpuDevice {
  readonly limits: GpuLimits;
  readonly lost: Promise<{ readonly reason: string; readonly message: string }>;
  readonly queue: {
    writeBuffer(buffer: GpuBuffer, offset: number, data: Uint8Array): void;
    submit(commands: readonly object[]): void;
  };
  createBuffer(options: { readonly size: number; readonly usage: number }): GpuBuffer;
  createShaderModule(options: { readonly code: string; readonly label: string }): GpuShaderModule;
  createBindGroupLayout(options: { readonly entries: readonly object[] }): GpuBindGroupLayout;
  createPipelineLayout(options: { readonly bindGroupLayouts: readonly GpuBindGroupLayout[] }): GpuPipelineLayout;
  createComputePipelineAsync(options: {
    readonly layout: GpuPipelineLayout;
    readonly compute: { readonly module: GpuShaderModule; readonly entryPoint: string };
  }): Promise<GpuComputePipeline>;
  createBindGroup(options: { readonly layout: GpuBindGroupLayout; readonly entries: readonly object[] }): GpuBindGroup;
  createCommandEncoder(): GpuEncoder;
  pushErrorScope(filter: string): void;
  popErrorScope(): Promise<GpuError | null>;
  destroy(): void;
}
