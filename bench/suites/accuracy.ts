import { COLUMNS } from '../accuracy/columns.ts';
import { measureModel, type Scores } from '../accuracy/measure.ts';
import { points } from '../accuracy/text.ts';
import {
  cifarResnet20,
  cifarResnet20Test,
  digitsModel,
  fashionModels,
  type LabelledModel,
  mlperfKws,
  mlperfResnet8,
  mnistModels,
  squeezenet,
} from '../labelled/index.ts';
import { peerPython } from '../peers/peers.ts';
import { attempt, type Bench, type Suite } from '../rows.ts';

const modelsOf = (data: string | undefined): readonly LabelledModel[] =>
  data === undefined
    ? [digitsModel()]
    : [
        digitsModel(),
        ...fashionModels(data),
        mlperfKws(data),
        mlperfResnet8(data),
        ...mnistModels(data),
        cifarResnet20(data),
        cifarResnet20Test(data),
        squeezenet(data),
      ];

const MEASURED = ['float', ...COLUMNS.map((c) => c.name), 'onnxruntime', 'MRT', 'twin'];

/** Models against ways of quantizing: top-1 in percent. */
const table = (scores: ReadonlyMap<string, Scores>): string => {
  const width = Math.max(5, ...[...scores.keys()].map((name) => name.length));
  const line = (name: string, cells: readonly string[]): string => `  ${name.padEnd(width)}${cells.map((c) => c.padStart(12)).join('')}\n`;
  const rows = [...scores].map(([name, of]) =>
    line(
      name,
      MEASURED.map((m) => {
        const value = of.get(m);
        return value === undefined ? '-' : points(value);
      }),
    ),
  );
  return `top-1 in percent\n${line('model', MEASURED)}${rows.join('')}`;
};

const run = async (bench: Bench): Promise<void> => {
  const python = peerPython();
  if ('missing' in python) bench.say(`onnxruntime and MRT are left out: ${python.missing}`);
  if (bench.data === undefined) {
    bench.say('only examples/digits is measured: CORTEXC_DATA names no data folder');
    bench.row({ name: 'all models but digits', unit: '%', skipped: 'the data folder is not on this machine' });
  }
  const scores = new Map<string, Scores>();
  for (const model of modelsOf(bench.data).filter((m) => (m.quick || !bench.quick) && bench.wants(m.name))) {
    await attempt(bench, model.name, async () => {
      const reached = await measureModel(bench, model, python);
      if (reached !== undefined) scores.set(model.name, reached);
    });
  }
  bench.say(table(scores));
};

export const accuracy: Suite = {
  name: 'accuracy',
  summary: 'top-1, size and price of every way of quantizing, on labelled sets, beside onnxruntime and MRT',
  run,
};
