/**
 * What the report of a compilation shows, as plain data: numbers and texts, no models. Each section is a function of its part
 * and is left out when that part is undefined.
 */
export interface ReportData {
  readonly title: string;
  /** The outcome in one sentence. */
  readonly verdict: string;
  readonly facts: readonly Fact[];
  readonly accuracy: AccuracyData | undefined;
  /** The measure of a task other than classification. */
  readonly quality: QualityData | undefined;
  /** In program order. */
  readonly layers: readonly LayerData[];
  readonly headroom: readonly HeadroomData[];
  readonly search: SearchData | undefined;
  readonly mixed: MixedData | undefined;
  readonly storage: StorageData;
  readonly latency: LatencyData | undefined;
  readonly given: GivenData | undefined;
  readonly diagnostics: readonly DiagnosticData[];
}

/** Name and value. */
export type Fact = readonly [string, string];

/** A classifier on labelled samples. */
export interface AccuracyData {
  readonly labels: readonly number[];
  readonly float: GuessData;
  /** Undefined when the package is the float program. */
  readonly integer: GuessData | undefined;
  /** Elements of the output: what a guess is measured against. */
  readonly classCount?: number | undefined;
  /** Names of the classes. */
  readonly classes?: readonly string[] | undefined;
}

export interface GuessData {
  readonly samples: number;
  /** Shares, 0 to 1. */
  readonly top1: number;
  readonly top5: number;
  /** The first choice for each sample. */
  readonly predictions: readonly number[];
}

/** How near the outputs come to expected ones. */
export interface QualityData {
  readonly name: string;
  /** With the space before it; empty where there is none. */
  readonly unit: string;
  readonly samples: number;
  readonly float: number;
  /** Undefined when the package is the float program. */
  readonly integer: number | undefined;
}

export interface LayerData {
  readonly layer: string;
  readonly op: string;
  readonly scale: number;
  readonly zero: number;
  /** Bits of the weights; undefined for a layer without any. */
  readonly weightBits: number | undefined;
  /** Bits of the result. */
  readonly bits: number;
  /** How the range was chosen. */
  readonly method: string;
  readonly range: readonly [number, number];
  /** Share of the calibrated values outside the range. */
  readonly clipped: number;
  /** 10 log10(signal / noise); infinite when nothing was lost. */
  readonly decibels: number;
  /** Greatest absolute error. */
  readonly worst: number;
  /** Share of the expected loss of all layers, where each was measured alone. */
  readonly blame?: number | undefined;
  readonly histogram?: HistogramData | undefined;
}

/** Bin i holds the values from (first + i) * width to (first + i + 1) * width; exact zeros are counted apart. */
export interface HistogramData {
  readonly min: number;
  readonly max: number;
  readonly count: number;
  readonly zeros: number;
  readonly width: number;
  readonly first: number;
  readonly bins: ArrayLike<number>;
}

export interface HeadroomData {
  /** With its op. */
  readonly layer: string;
  /** Greatest absolute value of the accumulator that any input can give. */
  readonly bound: number;
  /** 31 less the bits of `bound`. */
  readonly freeBits: number;
}

export interface SearchData {
  /** What was settled on. */
  readonly kept: readonly Fact[];
  readonly trials: readonly { readonly name: string; readonly decibels: number }[];
}

export interface MixedData {
  readonly facts: readonly Fact[];
  /** An SVG element, made by this program: it is not escaped again. */
  readonly chart: string | undefined;
}

export interface StorageData {
  readonly facts: readonly Fact[];
  readonly parameters: readonly ParameterData[];
}

export interface ParameterData {
  readonly name: string;
  readonly type: string;
  readonly encoding: string;
  readonly storedBytes: number;
  readonly decodedBytes: number;
}

/** Milliseconds of one run. */
export interface TimesData {
  readonly median: number;
  readonly least: number;
  readonly most: number;
  readonly runs: number;
}

export interface LatencyData {
  readonly program: TimesData;
  /** Of the float program that the integer one approximates. */
  readonly float: TimesData | undefined;
  readonly backend: string;
  /** Runs before the first one that counts. */
  readonly warmUp: number;
  readonly machine: readonly Fact[];
}

/** A model that was quantized already. */
export interface GivenData {
  readonly facts: readonly Fact[];
  readonly outputs: readonly {
    readonly name: string;
    /** Of the output's own step. */
    readonly maxSteps: number;
    readonly meanSteps: number;
    readonly sameArgmax: number | undefined;
  }[];
  /** Layers whose stored integers could not stay as they are. */
  readonly changed: readonly { readonly layer: string; readonly reason: string }[];
  readonly samples: number;
  readonly random: boolean;
}

export interface DiagnosticData {
  readonly severity: string;
  readonly code: string;
  readonly message: string;
  readonly where: string | undefined;
  readonly notes: readonly string[];
}
