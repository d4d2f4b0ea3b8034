import type { EmittedFile } from '../../backend.ts';
import type { Estimate } from '../devices/index.ts';
import { type Device, FAMILIES } from '../devices/index.ts';
import { type CoreConfig, productsOf } from '../isa/config.ts';
import type { FpgaProgram } from '../program.ts';

/** What the simulator of the core says of a run, cycle for cycle. */
export interface RunCycles {
  readonly cycles: number;
  /** In which the array was at work. */
  readonly arrayCycles: number;
  readonly instructions: number;
  /** Of each step, in order. */
  readonly steps: readonly StepCycles[];
}

export interface StepCycles {
  readonly unit: 'array' | 'processor';
  /** On the array: from the end of the layers before it to its own. */
  readonly cycles: number;
  /** Bytes of the memory that its loads and stores move; of the array only. */
  readonly moved?: number;
}

export interface ReportData {
  readonly program: FpgaProgram;
  readonly device: Device;
  readonly config: CoreConfig;
  readonly estimate: Estimate;
  readonly clockMhz: number;
  readonly imageBytes: number;
  /** Absent where the run was not simulated. */
  readonly run?: RunCycles;
}

/** Bytes of a beat of the bus, one a cycle at most. */
const BEAT_BYTES = 16;

const number = (n: number): string => n.toLocaleString('en-US');
const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;

/** A use of a resource of the device. */
interface Use {
  readonly what: string;
  readonly used: number;
  readonly there: number;
}

const usesOf = ({ device, estimate }: ReportData): readonly Use[] => {
  const { logic, memory, dsp } = FAMILIES[device.family];
  return [
    { what: logic, used: estimate.logic, there: device.logic },
    { what: 'registers', used: estimate.registers, there: device.registers },
    { what: dsp, used: estimate.dsps, there: device.dsps },
    { what: memory, used: estimate.memories, there: device.memories },
  ];
};

interface Layer {
  readonly step: number;
  readonly place: string;
  readonly op: string;
  readonly macs: number;
  readonly unit?: StepCycles['unit'];
  readonly cycles?: number;
  /** Of the products that the array could have done in these cycles. */
  readonly utilisation?: number;
  /** Bytes that are moved between memory and array. */
  readonly moved?: number;
  /** What gives the least cycles that the layer could take: its products, or the bytes that it moves. */
  readonly bound?: 'products' | 'memory';
  /** These least cycles by its cycles. */
  readonly roofline?: number;
}

const rooflineOf = (macs: number, moved: number, cycles: number, most: number): Pick<Layer, 'moved' | 'bound' | 'roofline'> => {
  const [products, memory] = [macs / most, moved / BEAT_BYTES];
  const share = cycles > 0 ? { roofline: Math.max(products, memory) / cycles } : {};
  return { moved, bound: memory > products ? 'memory' : 'products', ...share };
};

const layersOf = ({ program, run, config }: ReportData): readonly Layer[] => {
  const most = productsOf(config);
  return program.steps.map(({ place, op, macs }, step): Layer => {
    const own = run?.steps[step];
    if (own === undefined) return { step, place, op, macs };
    const { cycles, unit, moved } = own;
    const share = unit === 'array' && macs > 0 && cycles > 0 ? { utilisation: macs / (most * cycles) } : {};
    return { step, place, op, macs, unit, cycles, ...share, ...(moved === undefined ? {} : rooflineOf(macs, moved, cycles, most)) };
  });
};

const ASSUMPTION = 'Times are cycles at an assumed clock: nothing was placed, routed or timed, and nothing ran on a board.';

const milliseconds = (cycles: number, clockMhz: number): number => cycles / (1000 * clockMhz);

const facts = (data: ReportData): readonly (readonly [string, string])[] => {
  const { program, device, config, clockMhz, imageBytes, run } = data;
  const macs = program.steps.reduce((sum, s) => sum + s.macs, 0);
  const memories = config.array
    ? `${config.groups} x 16 lanes of ${config.inputs} products of ${config.bits} bits${config.pack ? ', two on a multiplier' : ''}, accumulators of ${config.accumulatorBits} bits; ${number(16 * config.scratchBeats)} bytes of activations${config.groups > 1 ? ` in ${config.groups} copies` : ''}, ${number(256 * config.weightEntries)} of weights, ${number(16 * config.parameterBeats)} of parameters`
    : 'none: the processor does all';
  const arithmetic =
    run === undefined || macs === 0 || !config.array
      ? []
      : [['MACs of the array in use', percent(macs / (productsOf(config) * run.cycles))] as const];
  return [
    ['model', program.name],
    ['device', `${device.name} (${device.part})`],
    ['array', memories],
    ['caches', `${config.icacheLines} and ${config.dcacheLines} lines of 64 bytes`],
    ['multiply-accumulates', number(macs)],
    ['image', `${number(imageBytes)} bytes; memory of a run ${number(program.header.limit)} bytes`],
    ['clock', `${clockMhz} MHz, assumed`],
    ...(run === undefined
      ? []
      : ([
          [
            'cycles of a run',
            `${number(run.cycles)} by simulation with a memory of 20 cycles latency; the array is at work in ${number(run.arrayCycles)}`,
          ],
          ['time of a run', `${milliseconds(run.cycles, clockMhz).toFixed(3)} ms at ${clockMhz} MHz, assumed`],
        ] as const)),
    ...arithmetic,
  ];
};

const layerCells = (l: Layer, { clockMhz }: ReportData): readonly string[] => [
  String(l.step),
  l.place,
  l.op,
  l.unit ?? '',
  l.macs === 0 ? '' : number(l.macs),
  l.cycles === undefined ? '' : number(l.cycles),
  l.cycles === undefined ? '' : milliseconds(l.cycles, clockMhz).toFixed(4),
  l.utilisation === undefined ? '' : percent(l.utilisation),
  l.moved === undefined ? '' : number(l.moved),
  l.bound ?? '',
  l.roofline === undefined ? '' : percent(l.roofline),
];
const layerHeads = ({ clockMhz }: ReportData): readonly string[] => [
  'step',
  'layer',
  'op',
  'unit',
  'MACs',
  'cycles',
  `ms at ${clockMhz} MHz (assumed)`,
  'array used',
  'bytes moved',
  'bound by',
  'of this bound',
];

const useCells = ({ what, used, there }: Use): readonly string[] => [what, number(used), number(there), percent(used / there)];
const USE_HEADS = ['resource', 'needed (estimate)', 'on the device', ''];

/** What is left of a run besides its layers. */
const restText = (data: ReportData): string => {
  if (data.run === undefined) return 'The run was not simulated.';
  const rest = data.run.cycles - layersOf(data).reduce((sum, l) => sum + (l.cycles ?? 0), 0);
  return `Bound: the larger of MACs / ${productsOf(data.config)} and bytes moved / ${BEAT_BYTES} cycles; weights and tensors that stay on chip are not moved, and a layer may load ahead of its turn, in which case more than 100 % is shown. Layers of the array are in lists of commands that run without the processor. The other ${number(rest)} cycles are what it does before and after the lists: layouts of inputs and outputs, starts and waits.`;
};

const markdownTable = (heads: readonly string[], rows: readonly (readonly string[])[]): string =>
  [heads, heads.map(() => '---'), ...rows].map((r) => `| ${r.map((c) => c.replaceAll('|', '\\|')).join(' | ')} |\n`).join('');

const markdown = (data: ReportData): string => `# ${data.program.name} on ${data.device.name}

${markdownTable(['', ''], facts(data))}
${ASSUMPTION}

## Resources
${markdownTable(USE_HEADS, usesOf(data).map(useCells))}
Needed: ${data.estimate.source}. Memory blocks by the sizes of memories. On the device, to be checked: ${data.device.source}.

## Layers
${markdownTable(
  layerHeads(data),
  layersOf(data).map((l) => layerCells(l, data)),
)}
${restText(data)}
`;

const ESCAPES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };
const escaped = (text: string): string => text.replace(/[&<>"]/g, (c) => ESCAPES[c] ?? c);

const htmlTable = (heads: readonly string[], rows: readonly (readonly string[])[]): string => {
  const row = (cells: readonly string[], tag: string): string =>
    `<tr>${cells.map((c) => `<${tag}>${escaped(c)}</${tag}>`).join('')}</tr>\n`;
  return `<div class="scroll"><table>\n<thead>${row(heads, 'th')}</thead>\n<tbody>\n${rows.map((r) => row(r, 'td')).join('')}</tbody></table></div>\n`;
};

const STYLE =
  ':root{color-scheme:light dark}body{font:1rem/1.5 system-ui,sans-serif;max-width:64rem;margin:0 auto;padding:1rem}.scroll{overflow-x:auto}table{border-collapse:collapse}td,th{text-align:left;padding:.25rem .75rem .25rem 0;border-bottom:1px solid #8884}td{font-variant-numeric:tabular-nums}';

/** Bars of cycles, the longest layers first. */
const bars = (data: ReportData): string => {
  const layers = layersOf(data).filter((l) => (l.cycles ?? 0) > 0);
  const longest = [...layers].sort((a, b) => (b.cycles ?? 0) - (a.cycles ?? 0)).slice(0, 20);
  const most = longest[0]?.cycles ?? 0;
  if (most === 0) return '';
  const line = 22;
  const rows = longest.map(
    (l, i) =>
      `<rect x="220" y="${i * line}" height="16" width="${((400 * (l.cycles ?? 0)) / most).toFixed(1)}" fill="#2f6feb"/><text x="212" y="${i * line + 13}" text-anchor="end">${escaped(`${l.step} ${l.op}`)}</text><text x="${(226 + (400 * (l.cycles ?? 0)) / most).toFixed(1)}" y="${i * line + 13}">${number(l.cycles ?? 0)}</text>`,
  );
  return `<h2>Cycles of the longest layers</h2>\n<svg viewBox="0 0 720 ${line * longest.length}" width="720" role="img" aria-label="Cycles by layer" font-size="12" fill="currentColor">${rows.join('')}</svg>\n`;
};

const html = (data: ReportData): string => `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>${escaped(data.program.name)} on ${data.device.name}</title><style>${STYLE}</style></head>
<body><h1>${escaped(data.program.name)} on ${data.device.name}</h1>
${htmlTable(['', ''], facts(data))}<p>${ASSUMPTION}</p>
<h2>Resources</h2>
${htmlTable(USE_HEADS, usesOf(data).map(useCells))}<p>Needed: ${escaped(data.estimate.source)}. Memory blocks by the sizes of memories. On the device, to be checked: ${escaped(data.device.source)}.</p>
${bars(data)}<h2>Layers</h2>
${htmlTable(
  layerHeads(data),
  layersOf(data).map((l) => layerCells(l, data)),
)}<p>${restText(data)}</p></body></html>
`;

const json = (data: ReportData): string =>
  `${JSON.stringify(
    {
      model: data.program.name,
      device: { name: data.device.name, part: data.device.part, source: data.device.source },
      core: data.config,
      clock: { mhz: data.clockMhz, assumed: true },
      image: { bytes: data.imageBytes, memoryBytes: data.program.header.limit },
      resources: { estimate: true, source: data.estimate.source, uses: usesOf(data) },
      ...(data.run === undefined
        ? {}
        : {
            run: {
              cycles: data.run.cycles,
              arrayCycles: data.run.arrayCycles,
              instructions: data.run.instructions,
              milliseconds: milliseconds(data.run.cycles, data.clockMhz),
            },
          }),
      layers: layersOf(data),
      notes: [ASSUMPTION, restText(data)],
    },
    undefined,
    2,
  )}\n`;

/** report.md, report.html and report.json: cycles by layer, resources by estimate, and what was assumed. */
export const reportFiles = (data: ReportData): readonly EmittedFile[] => [
  { name: 'report.md', content: markdown(data) },
  { name: 'report.html', content: html(data) },
  { name: 'report.json', content: json(data) },
];
