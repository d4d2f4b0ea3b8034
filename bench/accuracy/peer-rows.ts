import type { OnnxruntimeWay, PeerReports } from '../peers/peers.ts';
import type { Bench } from '../rows.ts';
import { points } from './text.ts';

/** The best INT8 of onnxruntime, and the class that it says of each test sample. */
export interface Rival extends OnnxruntimeWay {
  readonly choices: readonly number[];
}

const onnxruntimeRows = (bench: Bench, name: string, report: PeerReports['onnxruntime']): Rival | undefined => {
  if ('failed' in report) {
    bench.row({ name: `${name}: onnxruntime`, unit: '%', skipped: report.failed.slice(0, 160) });
    return undefined;
  }
  const { best, float, ways, choices } = report;
  bench.row({ name: `${name}: onnxruntime float top-1`, value: float, unit: '%' });
  const told = ways.map((way) =>
    'failed' in way ? way.failed.slice(0, 80) : `${way.method} ${way.activations} ${points(way.top1)} (fused ${points(way.fused)})`,
  );
  if (best === null) bench.row({ name: `${name}: onnxruntime INT8`, unit: '%', skipped: told[0] ?? 'no way' });
  else bench.row({ name: `${name}: onnxruntime INT8, best of ${ways.length}`, value: best.top1, unit: '%', peer: told.join(', ') });
  return best === null ? undefined : { ...best, choices };
};

/** Rows of what the peers reached; returns the best INT8 of onnxruntime. */
export const peerRows = (bench: Bench, name: string, { onnxruntime, mrt }: PeerReports, scores: Map<string, number>): Rival | undefined => {
  const best = onnxruntimeRows(bench, name, onnxruntime);
  if (best !== undefined) scores.set('onnxruntime', best.top1);
  if ('top1' in mrt) {
    scores.set('MRT', mrt.top1);
    bench.row({ name: `${name}: MRT INT8 (per tensor, max |x| of ${mrt.images})`, value: mrt.top1, unit: '%' });
  } else {
    const reason = 'refused' in mrt ? `refused: ${mrt.refused}` : mrt.failed;
    bench.row({ name: `${name}: MRT INT8`, unit: '%', skipped: reason.slice(0, 160) });
  }
  return best;
};
