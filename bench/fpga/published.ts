/** A published rate of the image classification task of MLPerf Tiny, or of ResNet-50. */
export interface Published {
  readonly system: string;
  readonly perSecond: number;
  /** What it ran on and how it differs from an INT8 ResNet-8 on one core. */
  readonly how: string;
}

/** Results of MLPerf Tiny, image classification on CIFAR-10, as in the published result repositories of mlcommons (v0.7 open, v1.1 closed). */
export const IMAGE_CLASSIFICATION: readonly Published[] = [
  { system: 'fpgaConvNet ZedBoard', perSecond: 2431, how: 'ResNet-8 at 143 MHz, INT9, 47k LUT, 211 DSP, top-1 86.0 %' },
  { system: 'fpgaConvNet ZyBo', perSecond: 317.5, how: 'ResNet-8 at 125 MHz, INT9, 16k LUT, 78 DSP, top-1 85.5 %' },
  { system: 'FINN CNV-W1A1 Pynq-Z2', perSecond: 661, how: 'another network, 1 bit, top-1 84.5 %' },
  { system: 'hls4ml RN07 Pynq-Z2', perSecond: 36.6, how: 'another network, top-1 83.5 %' },
];

/** The clock of the first of them. */
export const ZEDBOARD_MHZ = 143;

/** Warnings of verilator -Wall for the Verilog that NNgen writes for its own example cnn, measured with NNgen of 2023-10 and verilator 5.006. */
export const NNGEN_WARNINGS = 7263;
export const NNGEN_LINES = 63_247;

export const publishedText = (all: readonly Published[]): string =>
  all.map(({ system, perSecond, how }) => `${system} ${perSecond}/s (${how})`).join('; ');
