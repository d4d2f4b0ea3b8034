import { command } from '../command.ts';

export const devices = command({
  name: 'devices',
  summary: 'List the GPUs of this machine and whether programs can run on them',
  doc:
    'Asks the drivers of NVIDIA (CUDA) and AMD (HIP) for their devices: name, architecture, memory, multiprocessors, and the version of the driver, and WebGPU for its adapters where the package webgpu is installed. Says why there are none. ' +
    '`run --backend cuda` and `--backend hip` use the first device, or the one that CORTEXC_CUDA_DEVICE or CORTEXC_HIP_DEVICE numbers; CORTEXC_CUDA_DRIVER and CORTEXC_HIP_DRIVER name other driver libraries. With --self-test, small cases ' +
    'of the ops that networks are made of run on that device and their bytes are compared with those that come with cortexc; exit code 70 when they differ.',
  positionals: {},
  options: {
    'self-test': { type: 'boolean', default: false, describe: 'Compile and run small cases on the device: takes a minute' },
  },
  examples: [
    ['cortexc devices', 'which GPUs are here?'],
    ['cortexc devices --self-test', 'does the GPU compute what it should?'],
  ],
  run: async (args, context) => {
    const { listDevices } = await import('../pipeline/devices.ts');
    return listDevices({ selfTest: args['self-test'] }, context);
  },
});
