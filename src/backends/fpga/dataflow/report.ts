import { at } from '../../../support/index.ts';
import { FAMILIES } from '../devices/index.ts';
import type { DataflowProgram } from './program.ts';
import { type Need, stageNeed } from './resources.ts';
import { macsOfLayer } from './stages.ts';

/** A stage in numbers; cycles and products are those of a frame. */
export interface StageReport {
  readonly name: string;
  readonly kind: string;
  /** Outputs at once, and inputs of each. */
  readonly pe: number;
  readonly simd: number;
  readonly cycles: number;
  readonly macs: number;
  /** Products per cycle of the interval; the stage can do pe x simd (pe, by channel). */
  readonly macsPerCycle: number;
  readonly ringPixels: number;
  readonly queueWords: number;
  readonly balanceWords: readonly number[];
  readonly need: Need;
}

export interface DataflowReport {
  readonly interval: number;
  readonly latency: number;
  readonly macs: number;
  readonly macsPerCycle: number;
  readonly device: string;
  readonly need: Need;
  readonly stages: readonly StageReport[];
}

/** What a pipeline does and takes: predictions and estimates, all of them. */
export const dataflowReport = (d: DataflowProgram): DataflowReport => {
  const { interval, latency, rings, queues, balances } = d.timing;
  const stages = d.pipeline.stages.map((s, i): StageReport => {
    const f = at(d.folded.foldings, i);
    const macs = s.stage === 'layer' ? macsOfLayer(s) : 0;
    return {
      name: s.name,
      kind: s.stage === 'layer' ? s.kind : s.stage,
      pe: s.stage === 'layer' ? f.pe : f.lanes,
      simd: s.stage === 'layer' && s.kind === 'dot' ? f.simd : 1,
      cycles: f.cycles,
      macs,
      macsPerCycle: macs / interval,
      ringPixels: at(rings, i),
      queueWords: at(queues, i),
      balanceWords: at(balances, i).map(Math.ceil),
      need: stageNeed(s, f, d.timing, i, d.device.family),
    };
  });
  const macs = stages.reduce((n, s) => n + s.macs, 0);
  return { interval, latency, macs, macsPerCycle: macs / interval, device: d.device.name, need: d.need, stages };
};

/** The report as a Markdown table. @param clockMhz - assumed: no tool of a maker was run */
export const dataflowReportText = (d: DataflowProgram, clockMhz: number): string => {
  const r = dataflowReport(d);
  const { logic, memory, dsp } = FAMILIES[d.device.family];
  const round = (v: number): string => (Math.round(v * 10) / 10).toString();
  const rows = r.stages.map((s) =>
    [
      s.name,
      s.kind,
      `${s.pe} x ${s.simd}`,
      s.cycles,
      s.macs,
      round(s.macsPerCycle),
      s.ringPixels,
      s.queueWords,
      s.balanceWords.join(' + '),
      round(s.need.dsps),
    ].join(' | '),
  );
  return [
    `# Pipeline ${d.source.name}`,
    '',
    `${r.interval} cycles from a frame to the next, ${r.latency} cycles latency, ${r.macs} products a frame, ${round(r.macsPerCycle)} a cycle. At an assumed clock of ${clockMhz} MHz: ${round((clockMhz * 1e6) / r.interval)} frames a second.`,
    '',
    `Estimate for ${r.device}: ${Math.ceil(r.need.dsps)} ${dsp}, ${Math.ceil(r.need.logic)} ${logic}, ${Math.ceil(r.need.memories)} ${memory}.`,
    '',
    '| stage | kind | outputs x inputs at once | cycles | products | products a cycle | ring, pixels | queue, words | balance, words | DSP |',
    '|---|---|---|---|---|---|---|---|---|---|',
    ...rows.map((row) => `| ${row} |`),
    '',
  ].join('\n');
};
