import type { Package } from '../../cvm-bytecode/index.ts';
import type { LayerSqnr, QuantizedModel, Searched, SharedLayer } from '../../passes/index.ts';
import type { Phases } from '../phases.ts';
import type { LatencyData } from '../report/data.ts';
import type { Calibration } from './calibration.ts';
import type { Evaluation, OutputQuality } from './evaluation.ts';
import type { GivenReport } from './given.ts';
import type { MixedRun } from './mixed.ts';
import type { Source } from './model.ts';

/** Everything that `compile` tells. */
export interface CompileSummary {
  readonly source: Source;
  readonly bytes: number;
  /** Bytes of the float32 parameters of the source. */
  readonly floatBytes: number;
  readonly shared: readonly SharedLayer[] | undefined;
  readonly package: Package;
  readonly quantized: QuantizedModel | undefined;
  /** How the quantizer was settled. */
  readonly fitted: Searched | undefined;
  /** How bits were chosen for each layer. */
  readonly mixed: MixedRun | undefined;
  /** For a model that is quantized already. */
  readonly given: GivenReport | undefined;
  readonly calibration: Calibration | undefined;
  readonly layers: readonly LayerSqnr[] | undefined;
  readonly evaluation: Evaluation | undefined;
  /** With a metric other than classes. */
  readonly quality?: OutputQuality | undefined;
  /** Measured for the report only. */
  readonly latency: LatencyData | undefined;
  readonly phases: Phases;
  readonly peakBytes: number;
}
