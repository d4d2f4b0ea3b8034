// Names only: what runs a prepared program takes some of these, and must not load the rest.
export { asAsync, compileAny } from './asynchronous.ts';
export type {
  AsyncExecutable,
  Backend,
  Capability,
  CompileOptions,
  EmittedFile,
  EngineProbe,
  Executable,
  MemoryUse,
  Peak,
  SelfTestResult,
  StepTime,
  SupportStatus,
} from './backend.ts';
export {
  compileForWebGpu,
  type GpuDevice,
  type GpuDriver,
  listGpus,
  type WebGpuOptions,
} from './gpu/index.ts';
export { macsOfProgram } from './plan/index.ts';
export { machineText } from './machine.ts';
export {
  openPrepared,
  type PreparedOptions,
  type PreparedRequest,
  preparedWarnings,
  recallPackage,
  rememberPackage,
  rememberPrepared,
} from './prepared.ts';
export type { SelfTestedBackend } from './self-test.ts';
export {
  BACKENDS,
  backendByName,
  IMMEDIATE_BACKENDS,
  loadBackend,
  type LoadOptions,
  loadTestedBackend,
  type SupportRow,
  supportRows,
} from './registry.ts';
