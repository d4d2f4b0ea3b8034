import type { CodeInfo } from './info.ts';

export const fpgaCodes = {
  FPG0001: {
    title: 'program image of the FPGA core is refused',
    explain:
      'The image in memory is not what the core runs: it is no image, of another version, was changed (its checksums differ), or its header contradicts itself. The name is that of the error in register ERROR. Write the image to memory again, as the emitted folder has it.',
    exit: 3,
  },
  FPG0010: {
    title: 'no yosys',
    explain:
      'Synthesis for resource estimates, netlists for gate-level simulation and proofs use yosys (Debian: apt-get install yosys). Nothing else needs it: folders are emitted without.',
    exit: 4,
  },
  FPG0011: {
    title: 'yosys fails',
    explain:
      'yosys was found but does not synthesize the design: its last lines are given. Version 0.23 (Debian 12) is the one that the Verilog is written for.',
    exit: 4,
  },
  FPG0020: {
    title: 'no such device',
    explain:
      '--device names an FPGA, a board or a family: `cortexc emit --target fpga --device list` lists them with their LUTs, DSP blocks and memories.',
    exit: 2,
  },
  FPG0021: {
    title: 'device is too small',
    explain:
      'The core that the program was asked for needs more of a resource than the device has; the message gives both numbers, by estimate of yosys, and the smallest device that has enough.',
    exit: 5,
  },
  FPG0022: {
    title: 'weights are too wide for an array of 6 bits',
    explain:
      '`--bits 6` builds an array that multiplies weights from -32 to 31. Layers with other weights, and products of two results that are not known to fit, give the same bytes on the processor of the core, but take many times the cycles. Compile the model with weights of 6 bits, or emit without --bits 6.',
    exit: 1,
  },
  FPG0030: {
    title: 'no simulator of Verilog',
    explain:
      'The backend fpga-sim translates the core to C++ with verilator and builds it with make and a C++ compiler (Debian: apt-get install verilator g++ make). Tests run it on iverilog as well. Version 5.006 of verilator is the one that is used here; other backends give the same bytes without.',
    exit: 4,
  },
  FPG0031: {
    title: 'the simulator cannot be built',
    explain:
      'verilator, or the C++ compiler that it starts, was found but does not build the simulator of the core: its own message is given. verilator 5 and a compiler with C++17 are needed.',
    exit: 4,
  },
  FPG0032: {
    title: 'the simulation is over',
    explain:
      'The process of the simulator ended, or the core broke a rule of its bus, which the simulator checks in every cycle; the message says which. In the latter case the core is wrong: report it with the program.',
    exit: 70,
  },
  FPG0033: {
    title: 'the simulation takes too long',
    explain:
      'A simulated core is some thousand times slower than a real one, and the run was ended at its time limit. Allow more time, or take a smaller program; other backends give the same bytes.',
    exit: 5,
  },
  FPG0034: {
    title: 'the core ended a run with an error',
    explain:
      'Register ERROR holds the code of the message, ERROR_INFO what the table of errors says of it (docs/fpga-core.md). Errors of the image say that memory was changed; errors of the bus that memory is missing or broken; others that the program or the core is wrong.',
    exit: 70,
  },
  FPG0002: {
    title: 'program does not fit the memory that the FPGA core addresses',
    explain:
      'Weights, tensors and code lie in one piece of memory with addresses of 32 bits. The message says how much the program needs. Use a smaller batch, or --backend native, which gives the same bytes and maps parameters of any size.',
    exit: 5,
  },
  FPG0040: {
    title: 'not available in dataflow mode',
    explain:
      'A pipeline of --mode dataflow has stages for convolutions, dense layers, pools, rescales and other tables, sums of two values and a softmax of one row, on i8 and u8, one frame at a time. The message names the layer that is none of these. --mode overlay runs every integer program.',
    exit: 4,
  },
  FPG0041: {
    title: 'cycles per frame cannot be reached',
    explain:
      'A stage takes at least as many cycles per frame as its input has pixels, and no more products at once than a stage may have. The message names the layer and the least number of cycles. Allow so many.',
    exit: 5,
  },
  FPG0042: {
    title: 'pipeline does not fit the device',
    explain:
      'A pipeline of --mode dataflow holds all weights and all its arithmetic on chip; even with the least parallelism it needs more than the device has. The message gives the estimates, and the smallest device that has enough. --mode overlay takes weights from external memory.',
    exit: 5,
  },
  FPG0043: {
    title: 'simulation of the pipeline does not end',
    explain:
      'The simulated pipeline stopped, or gave fewer words than its frames have, before its time limit. The pipeline is wrong then: report it with the program.',
    exit: 70,
  },
} as const satisfies Record<string, CodeInfo>;
