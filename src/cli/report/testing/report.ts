import type { LayerData, ReportData } from '../data.ts';

export const LAYER: LayerData = {
  layer: 'conv1',
  op: 'conv',
  scale: 0.03125,
  zero: -7,
  weightBits: 8,
  bits: 8,
  method: 'mse',
  range: [-1, 3],
  clipped: 0.0125,
  decibels: 41.25,
  worst: 0.5,
  histogram: { min: -2, max: 4, count: 1000, zeros: 250, width: 0.5, first: -4, bins: [1, 10, 100, 200, 200, 100, 50, 40, 30, 10, 8, 1] },
};

/** A report in which every section has something to say. */
export const FULL: ReportData = {
  title: 'digits: compilation report',
  verdict: 'INT8: top-1 75.00 % (float 100.00 %), 1 layer below 25 dB',
  facts: [['package', '26.7 KB']],
  accuracy: {
    labels: [0, 1, 2, 3],
    float: { samples: 4, top1: 1, top5: 1, predictions: [0, 1, 2, 3] },
    integer: { samples: 4, top1: 0.75, top5: 1, predictions: [0, 1, 2, 1] },
    classes: ['zero', 'one', 'two', 'three'],
  },
  quality: { name: 'PSNR', unit: ' dB', samples: 12, float: 4.5, integer: 4.75 },
  layers: [
    LAYER,
    { ...LAYER, layer: 'relu1', op: 'relu', weightBits: undefined, decibels: Number.POSITIVE_INFINITY, histogram: undefined },
    { ...LAYER, layer: 'conv2', decibels: 18.5, blame: 0.625 },
    { ...LAYER, layer: 'conv3', decibels: 33 },
    { ...LAYER, layer: 'conv4', decibels: 29, weightBits: 6, bits: 16 },
    { ...LAYER, layer: 'conv5', decibels: 34 },
    { ...LAYER, layer: 'conv6', decibels: Number.NEGATIVE_INFINITY },
  ],
  headroom: [
    { layer: 'conv1 (conv)', bound: 113_056, freeBits: 14 },
    { layer: 'dense1 (dense)', bound: 2_000_000_000, freeBits: 0 },
  ],
  search: { kept: [['ranges', 'entropy']], trials: [{ name: 'ranges minmax', decibels: 38.487 }] },
  mixed: { facts: [['mixed', 'six of ten: drop 0.20 %']], chart: '<svg class="pareto" viewBox="0 0 1 1"></svg>' },
  storage: {
    facts: [['storage', 'compressed']],
    parameters: Array.from({ length: 23 }, (_, i) => ({
      name: `p${i}`,
      type: 'i8[10]',
      encoding: 'huffman',
      storedBytes: 100 + i,
      decodedBytes: 200,
    })),
  },
  latency: {
    program: { median: 0.0252, least: 0.02, most: 3, runs: 25 },
    float: { median: 0.0504, least: 0.04, most: 4, runs: 24 },
    backend: 'wasm',
    warmUp: 2,
    machine: [['processor', 'some processor']],
  },
  given: {
    facts: [['own scales', '12 values']],
    outputs: [{ name: 'logits', maxSteps: 2, meanSteps: 0.125, sameArgmax: 0.975 }],
    changed: [{ layer: 'fc', reason: '3 of -128 became -127' }],
    samples: 16,
    random: true,
  },
  diagnostics: [
    { severity: 'warning', code: 'CLI1007', message: 'the activation ranges are random', where: 'model.onnx', notes: ['Give data.'] },
    { severity: 'note', code: 'IR0008', message: 'N is taken as 1', where: undefined, notes: [] },
  ],
};

/** A model of which nothing is known but its size. */
export const BARE: ReportData = {
  ...FULL,
  accuracy: undefined,
  quality: undefined,
  layers: [],
  headroom: [],
  search: undefined,
  mixed: undefined,
  storage: { facts: [], parameters: [] },
  latency: undefined,
  given: undefined,
  diagnostics: [],
};

const VOID = new Set(['meta', 'br', '!doctype']);

/** What is wrong with the structure of a page: tags that do not match, ids given twice, links to nowhere, attributes without quotes. */
export const structureProblems = (html: string): readonly string[] => {
  const problems: string[] = [];
  const open: string[] = [];
  const ids = new Set<string>();
  const links: string[] = [];
  const body = html.replace(/<style>[^<]*<\/style>/g, '');
  for (const [whole, close, name = '', attributes = '', self] of body.matchAll(
    /<(\/?)([!\w]+)((?:\s+[\w:-]+(?:="[^"<>]*")?|\s+html)*)\s*(\/?)>/g,
  )) {
    if (close === '/') {
      const expected = open.pop();
      if (expected !== name) problems.push(`${whole} closes <${expected ?? 'nothing'}>`);
    } else if (self !== '/' && !VOID.has(name)) open.push(name);
    for (const [, key = '', value = ''] of attributes.matchAll(/([\w:-]+)="([^"]*)"/g)) {
      if (key === 'id' && ids.has(value)) problems.push(`id ${value} is given twice`);
      if (key === 'id') ids.add(value);
      if (key === 'href' || key === 'aria-labelledby') links.push(value);
    }
  }
  const rest = body.replace(/<(\/?)([!\w]+)((?:\s+[\w:-]+(?:="[^"<>]*")?|\s+html)*)\s*(\/?)>/g, '');
  if (/[<>]/.test(rest)) problems.push(`stray bracket: ${/.{0,30}[<>].{0,30}/.exec(rest)?.[0] ?? ''}`);
  if (open.length > 0) problems.push(`never closed: ${open.join(' ')}`);
  for (const link of links) if (!ids.has(link.replace(/^#/, ''))) problems.push(`nothing has the id ${link}`);
  return problems;
};
