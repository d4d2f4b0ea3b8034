import type { CodeInfo } from './info.ts';

export const gpuCodes = {
  GPU0001: {
    title: 'no driver of a GPU',
    explain:
      "The cuda backend calls NVIDIA's driver library (libcuda.so.1), which comes with the driver, and needs version 12 or newer. It is not installed here, does not load or lacks functions. " +
      'CORTEXC_CUDA_DRIVER names another library. The wasm backend gives the same bytes; `cortexc devices` lists what is found.',
    exit: 4,
  },
  GPU0002: {
    title: 'no GPU',
    explain:
      'The driver is there but has no device of that number: none is installed, CUDA_VISIBLE_DEVICES hides them, or CORTEXC_CUDA_DEVICE names one that does not exist. `cortexc devices` lists them.',
    exit: 4,
  },
  GPU0003: {
    title: 'GPU is too old or unknown',
    explain:
      'Kernels need compute capability 7.5 (Turing) or newer, and the compiler has to know the architecture: nvcc 13 knows 7.5 to 12.1. Older GPUs cannot be used; for newer ones install a newer CUDA toolkit.',
    exit: 4,
  },
  GPU0004: {
    title: 'no compiler of kernels',
    explain:
      'Kernels are compiled for the GPU by nvcc. It is taken from NVCC, else PATH, else CUDA_PATH, CUDA_HOME or /usr/local/cuda. Install the CUDA toolkit (Debian: nvidia-cuda-toolkit; PyPI: nvidia-cuda-nvcc, nvidia-nvvm, nvidia-cuda-crt, nvidia-cuda-runtime) or name nvcc in NVCC. ' +
      'The wasm backend gives the same bytes.',
    exit: 4,
  },
  GPU0005: {
    title: 'compiler of kernels fails',
    explain:
      'nvcc was found but does not build the program: its own message is given. nvcc 12 or newer and a C++ compiler that it accepts are needed.',
    exit: 4,
  },
  GPU0006: {
    title: 'GPU has too little memory',
    explain:
      'Weights and intermediate tensors live in one piece of device memory. The message says how much is needed and how much is free. Use a smaller batch, end other programs on the GPU, choose another one with CORTEXC_CUDA_DEVICE, or use another backend.',
    exit: 5,
  },
  GPU0007: {
    title: 'call of the GPU driver fails',
    explain:
      'The driver gives an error of its own; its name and text are in the message. Errors of kernels (illegal address, launch failure) stay until the context is given up, so the program cannot run again in this process; others can be compiled anew. ' +
      'Report kernels that fail with the model.',
    exit: 70,
  },
  GPU0008: {
    title: 'GPU does not answer',
    explain:
      'A run took longer than allowed (CORTEXC_GPU_TIMEOUT in milliseconds, 60000 when absent) and is given up. What runs on a GPU cannot be stopped from outside, so the device may stay busy until this process ends.',
    exit: 5,
  },
  GPU0009: {
    title: 'GPU was given up after an error',
    explain:
      'An earlier run failed (GPU0007, GPU0008) and its context is gone. Compile the program again, or use another backend: all give the same bytes.',
    exit: 70,
  },
  GPU0010: {
    title: 'parameters are too large for an emitted folder',
    explain:
      'The files of an emitted folder are made in memory, at most 2 GiB of parameters. Use `cortexc run --backend cuda`, which reads parameters of any size.',
    exit: 5,
  },
  GPU0011: {
    title: 'backend answers asynchronous calls only',
    explain:
      'WebGPU gives results to asynchronous calls, and `run` compiles and runs synchronously. `cortexc emit --target webgpu` writes a folder for browsers, and `compileForWebGpu` runs a program in Node; every other backend gives the same bytes.',
    exit: 4,
  },
  GPU0020: {
    title: 'gpu.js is not installed',
    explain:
      'The gpujs backend runs its kernels by the npm package gpu.js, which is optional: its own dependencies are 90 MB, and one of them is compiled for minutes. ' +
      '`npm install gpu.js@2.24.1 --ignore-scripts --omit=optional` in the working directory is enough for the modes cpu and webasm; CORTEXC_GPUJS names its folder when it is elsewhere. The wasm backend needs nothing and gives the same bytes.',
    exit: 4,
  },
  GPU0021: {
    title: 'mode of gpu.js is given up for another',
    explain:
      'A warning: gpu.js does not open in the better mode, a kernel does not compile there, or the self-test with extreme values found a wrong byte. The next mode is used, down to plain JavaScript: the bytes are right, but it takes longer. --isa names a mode.',
    exit: 4,
  },
} as const satisfies Record<string, CodeInfo>;
