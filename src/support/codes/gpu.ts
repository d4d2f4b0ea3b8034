import type { CodeInfo } from './info.ts';

export const gpuCodes = {
  GPU0001: {
    title: 'no driver of a GPU',
    explain:
      "The cuda backend calls NVIDIA's driver library (libcuda.so.1), which comes with the driver, the hip backend AMD's (libamdhip64.so), which comes with ROCm, the webgpu backend WebGPU, which in Node comes with the npm package webgpu. It is not installed here, does not load or lacks functions. " +
      'CORTEXC_CUDA_DRIVER and CORTEXC_HIP_DRIVER name other libraries, CORTEXC_WEBGPU the folder of that package. The wasm backend gives the same bytes; `cortexc devices` lists what is found.',
    exit: 4,
  },
  GPU0002: {
    title: 'no GPU',
    explain:
      'The driver is there but has no device of that number, or WebGPU has no adapter (it needs a Vulkan driver; VK_ICD_FILENAMES names one): none is installed, CUDA_VISIBLE_DEVICES or HIP_VISIBLE_DEVICES hides them, or CORTEXC_CUDA_DEVICE (CORTEXC_HIP_DEVICE) names one that does not exist. `cortexc devices` lists them.',
    exit: 4,
  },
  GPU0003: {
    title: 'GPU is too old or unknown',
    explain:
      'On NVIDIA kernels need compute capability 7.5 (Turing) or newer, and the compiler has to know the architecture: nvcc 13 knows 7.5 to 12.1, hipcc of ROCm 5.2 gfx906, gfx908, gfx90a, gfx1030 and their like. Older GPUs cannot be used; for newer ones install a newer CUDA toolkit or ROCm.',
    exit: 4,
  },
  GPU0004: {
    title: 'no compiler of kernels',
    explain:
      'NVIDIA: kernels are compiled by nvcc, taken from NVCC, else PATH, else CUDA_PATH, CUDA_HOME or /usr/local/cuda; where there is none, by the library libnvrtc, which CORTEXC_NVRTC names, else by name or in the same folders. Install the CUDA toolkit (Debian: nvidia-cuda-toolkit; PyPI: nvidia-cuda-nvcc, nvidia-nvvm, nvidia-cuda-crt, nvidia-cuda-runtime, or nvidia-cuda-nvrtc alone). ' +
      'AMD: by hipcc, taken from HIPCC, else PATH, else ROCM_PATH, HIP_PATH or /opt/rocm (Debian: apt-get install hipcc). ' +
      'The wasm backend gives the same bytes.',
    exit: 4,
  },
  GPU0005: {
    title: 'compiler of kernels fails',
    explain:
      'nvcc, libnvrtc or hipcc was found but does not build the program: its own message is given. nvcc 12 or newer with a C++ compiler that it accepts, libnvrtc 12 or newer, or hipcc 5.2 or newer is needed.',
    exit: 4,
  },
  GPU0006: {
    title: 'GPU has too little memory',
    explain:
      'Weights and intermediate tensors live in one piece of device memory. The message says how much is needed and how much is free. Use a smaller batch, end other programs on the GPU, choose another one with CORTEXC_CUDA_DEVICE or CORTEXC_HIP_DEVICE, or use another backend.',
    exit: 5,
  },
  GPU0007: {
    title: 'call of the GPU driver fails',
    explain:
      'The driver gives an error of its own; its name and text are in the message. Errors of kernels (illegal address, launch failure) stay until the context is given up, so the program cannot run again in this process; others can be compiled anew, and with --isolate none of this process is touched. ' +
      'Report kernels that fail with the model.',
    exit: 70,
  },
  GPU0008: {
    title: 'GPU does not answer',
    explain:
      'A run took longer than allowed (--time-limit in seconds, CORTEXC_GPU_TIMEOUT in milliseconds, a minute when absent) and is given up. What runs on a GPU cannot be stopped from within its process, so the device stays busy until this process ends, and nothing else is started on it meanwhile (GPU0009). With --isolate the program runs in a process of its own: that one is ended, and another one runs the program kernel by kernel to find which of them does not end.',
    exit: 5,
  },
  GPU0009: {
    title: 'GPU was given up after an error',
    explain:
      'An earlier run failed (GPU0007, GPU0008, GPU0013) and its context is gone. Compile the program again, or use another backend: all give the same bytes.',
    exit: 70,
  },
  GPU0010: {
    title: 'parameters are too large for an emitted folder',
    explain:
      'The files of an emitted folder are made in memory, at most 2 GiB of parameters. Use `cortexc run --backend cuda` (or hip), which reads parameters of any size.',
    exit: 5,
  },
  GPU0011: {
    title: 'backend answers asynchronous calls only',
    explain:
      'WebGPU gives results to asynchronous calls. `cortexc run`, `conformance`, `fuzz` and `selftest` make such calls; `bench` and --profile measure synchronous ones only, and a program that uses cortexc takes `compileAsync` of the backend. Every other backend gives the same bytes.',
    exit: 4,
  },
  GPU0012: {
    title: 'driver of the GPU is too old',
    explain:
      "The driver library loads but is older than the functions and the code that programs need: CUDA 12.0 (NVIDIA's driver 525) or ROCm 5.2. Update the driver, or use another backend: all give the same bytes.",
    exit: 4,
  },
  GPU0013: {
    title: 'process of the GPU ended',
    explain:
      'With --isolate a program runs in a process of its own, and that one ended by itself: the message says with which exit code or signal, and what it wrote last. Drivers end processes after some faults (HIP after a fault of memory). ' +
      'The caller is unharmed, and --fallback names the backend that carries on. Report kernels that fail with the model.',
    exit: 70,
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
