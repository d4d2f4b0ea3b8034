import type { CodeInfo } from './info.ts';

export const cliCodes = {
  CLI1001: {
    title: 'unknown command',
    explain: '`cortexc --help` lists the commands.',
    exit: 2,
  },
  CLI1002: {
    title: 'unknown option',
    explain: '`cortexc COMMAND --help` lists the options of a command. An option that starts with -- is written with its full name.',
    exit: 2,
  },
  CLI1003: {
    title: 'option value missing or out of range',
    explain: '`cortexc COMMAND --help` shows what each option takes.',
    exit: 2,
  },
  CLI1004: {
    title: 'argument missing or too many',
    explain: 'The usage line of `cortexc COMMAND --help` shows the arguments in their order; those in [brackets] may be left out.',
    exit: 2,
  },
  CLI1005: {
    title: 'options do not go together',
    explain: 'Two of the given options ask for different things, or one needs another. The message names them.',
    exit: 2,
  },
  CLI1006: {
    title: 'no calibration data',
    explain:
      'INT8 quantization needs the range of every activation, and that comes from running the model on real samples. Give 16 to 500 ' +
      'samples like those the model will see: --calibration samples.npy (first axis = samples), a .npz, or a folder of .npy or picture ' +
      'files. --random-calibration N runs without data, but the accuracy of the result says nothing. --float packages the model unquantized.',
    exit: 2,
  },
  CLI1007: {
    title: 'calibration data is random',
    explain:
      'Ranges measured on noise differ from those of real samples: use it to measure size, speed and cost, never to publish a model.',
    exit: 1,
  },
  CLI1008: { title: 'unknown diagnostic code', explain: '`cortexc explain` without a code lists all of them.', exit: 2 },
  CLI1009: {
    title: 'parameters are random',
    explain:
      'Parameters that a model string names and no file gives were filled at random (--random-params): right for size, speed and cost only.',
    exit: 1,
  },
  CLI2001: { title: 'file not found', explain: 'Paths are relative to the current folder.', exit: 3 },
  CLI2002: { title: 'a folder, not a file', explain: 'This argument takes one file.', exit: 3 },
  CLI2003: { title: 'file is empty', explain: 'The file has no bytes: writing or copying it went wrong.', exit: 3 },
  CLI2004: { title: 'file cannot be read', explain: 'The operating system refused; the message says why.', exit: 3 },
  CLI2005: {
    title: 'file too large',
    explain: 'Each kind of file has a size limit, so that a wrong path cannot exhaust the memory.',
    exit: 5,
  },
  CLI2006: {
    title: 'file cannot be written',
    explain: 'Output is written to a temporary file beside its place and then renamed, so an older file stays whole when this fails.',
    exit: 3,
  },
  CLI2007: {
    title: 'not a model',
    explain: 'A model is an ONNX file (.onnx), a model string (.mrl) or a package (.cvm). The content decides, then the name.',
    exit: 3,
  },
  CLI2008: {
    title: 'external data outside the folder of the model',
    explain:
      'An ONNX model may keep its weights in other files. They are read only inside the folder of the model, and symbolic links that lead ' +
      'out of it are refused, so that a downloaded model cannot read the files of its user.',
    exit: 3,
  },
  CLI2009: {
    title: 'folder has no usable file',
    explain: 'A calibration or input folder holds .npy, .npz, .png, .jpg or .bmp files.',
    exit: 3,
  },
  CLI2010: {
    title: 'sample does not fit the input',
    explain:
      'An array has the shape of the model input, with or without its batch axis; a list of samples has one more axis in front. Pictures are ' +
      'prepared to the size of the input.',
    exit: 3,
  },
  CLI2011: {
    title: 'inputs do not match the model',
    explain: 'Give one file for each input, in order, or --input NAME=FILE. `cortexc inspect` lists the inputs.',
    exit: 3,
  },
  CLI2012: {
    title: 'labels do not fit',
    explain: 'A label file has one line a class; an evaluation label file has one class number a sample.',
    exit: 3,
  },
  CLI2013: {
    title: 'this kind of model cannot be used here',
    explain: 'Packages are already compiled; ONNX and .mrl models are not compiled yet. The message names the right command.',
    exit: 3,
  },
  CLI2014: {
    title: 'package does not say how it was compiled',
    explain:
      'A rebuild takes the options of the compiler from metadata.source.options of the package. Packages that were put together by other ' +
      'means, or by an earlier compiler, have none. Compile the source with the options that you know, and compare the root CIDs.',
    exit: 3,
  },
  CLI2015: {
    title: 'folder is in use',
    explain: 'A command that writes a whole folder does not mix its files with others: give it an empty or new folder, or --force.',
    exit: 3,
  },
  CLI2016: {
    title: 'file of prices cannot be read',
    explain:
      'A line of an .endorphin-snapshot is `NAME (endorphin: NUMBER)`, each name once. Write it anew: cortexc estimate MODELS --snapshot.',
    exit: 3,
  },
  CLI2017: {
    title: 'model has no price',
    explain:
      'A price follows from sizes that are numbers; a symbolic dimension needs one (--bind NAME=SIZE). And what the registry of a chain refuses has no price of registration: the message has its words.',
    exit: 3,
  },
  CLI3001: {
    title: 'results differ from the reference',
    explain:
      'A backend gave other bytes than the reference interpreter. That is a bug of cortexc or of the machine: report it with the model.',
    exit: 1,
  },
  CLI3002: { title: 'file is not formatted', explain: 'Write it with `cortexc fmt -w`.', exit: 1 },
  CLI3004: {
    title: 'record of a calibration is left out',
    explain:
      'A state folder keeps what the float model showed on the calibration samples, so that an interrupted or repeated compilation need not run ' +
      'them again. A file that is damaged, or whose content does not fit the model and the samples, is not used; it is written anew.',
    exit: 1,
  },
  CLI3003: {
    title: 'file replaced',
    explain: 'The output file existed before; it was replaced as a whole.',
    exit: 1,
  },
  CLI3005: {
    title: 'slower than asked',
    explain:
      '`cortexc bench --at-least N` is a test: it fails when a row stays below N * 10^9 multiply-accumulates a second at its median time. ' +
      'Other work on the machine, a lower clock and few runs lower the figure: compare it with the peak of the core that the same table tells.',
    exit: 1,
  },
  CLI3006: {
    title: 'emitted sources do not pass their check',
    explain:
      '`cortexc emit --check` builds the folder with its own Makefile and runs the test vectors in it. The message holds the last lines of what the ' +
      'build said. A missing compiler or make is a matter of this machine; bytes that differ are a bug of cortexc or of the compiler: report them.',
    exit: 1,
  },
  CLI3007: {
    title: 'model runs one sample at a time',
    explain:
      'A batch was asked for, but an op of the model mixes samples, or fixes a shape, so that the program cannot take several samples at once. ' +
      'The samples run one after another; the results are the same.',
    exit: 1,
  },
} as const satisfies Record<string, CodeInfo>;
