import { CModule, type PrintedFunction } from '../../cpu/native/c-module.ts';

/**
 * The SIMD machine printed as CUDA C++: the C of cpu/native with functions of the device over cxg_lift.cuh. What it prints is read by
 * nvcc, hipcc and, for the shim, by any C++17 compiler.
 */
export class CudaModule extends CModule {
  constructor() {
    super({ headers: ['cxg_lift.cuh'], qualifier: 'CXG_FUNCTION' });
  }

  /** Functions in the order of their definition: each calls only earlier ones. */
  get printed(): readonly PrintedFunction[] {
    return this.functions;
  }
}
