import type { SourceProvenance } from '../../cvm-bytecode/index.ts';
import { endorphinOf, type Program, programCost } from '../../ir/index.ts';
import { ok, type Result, toHex } from '../../support/index.ts';
import type { Report } from '../command.ts';
import type { Context } from '../context.ts';
import type { Json } from '../json.ts';
import { formatBytes, formatCount, formatFacts, formatTable, visible } from '../text.ts';
import { type Headroom, headrooms, isStatic, programFacts, type ProgramFacts } from './facts.ts';
import { loadModel, type ModelArgs } from './load.ts';
import { type LoadedModel, type PackagedModel, programOf, type SourceModel, warningsOf } from './model.ts';
import { storageFacts, storageJson, storageTable } from './storage.ts';

const TIGHTEST_SHOWN = 5;

interface Cost {
  readonly operations: number;
  readonly endorphin: number;
}

const costOf = (program: Program): Cost | undefined => {
  if (!isStatic(program)) return undefined;
  const operations = programCost(program);
  return { operations, endorphin: endorphinOf(operations) };
};

type Fact = readonly [string, string];

type OtherBits = NonNullable<SourceProvenance['quantization']>['layers'];

const othersText = (layers: OtherBits): string =>
  layers === undefined || layers.length === 0 ? '' : ` but for ${layers.length} ${layers.length === 1 ? 'layer' : 'layers'}`;

/** The layers whose bits are others than those of the rest. */
const bitsTable = (model: LoadedModel): string => {
  const layers = model.kind === 'package' ? (model.package.metadata.source.quantization?.layers ?? []) : [];
  if (layers.length === 0) return '';
  const rows = layers.map(([layer, weights, activations]) => [visible(layer), String(weights), String(activations)]);
  return `\n${formatTable(['layer', 'weight bits', 'result bits'], rows, ['left', 'right', 'right'])}`;
};

const packageFacts = ({ package: p, sizeBytes }: PackagedModel): readonly Fact[] => {
  const { metadata: m, cost } = p;
  const q = m.source.quantization;
  return [
    ['name', m.name],
    ['author', m.author],
    ['description', m.description],
    ['licence', m.licence],
    ['version', m.version],
    ['source', `${m.source.format} ${m.source.file}, sha256 ${m.source.sha256}`],
    ['quantization', q === undefined ? 'none' : `${q.method}, ${q.bits} bits${othersText(q.layers)}, ${q.samples} samples`],
    ['labels', m.labels === undefined ? 'none' : `${m.labels.length}`],
    ['model hash', toHex(p.modelHash)],
    ['root CID', p.cid],
    ['identity', m.modelHash],
    ['parameters', `sha256 ${m.parameterHash}`],
    ['size', `${formatBytes(sizeBytes)} (${formatCount(sizeBytes)} bytes)`],
    ...storageFacts(p),
    ['memory', `${formatBytes(cost.memoryBytes)} to run, ${formatBytes(cost.parameterBytes)} of it parameters`],
  ];
};

const formatName = (model: SourceModel): string => {
  switch (model.kind) {
    case 'onnx':
      return `ONNX${model.opset === undefined ? '' : `, opset ${model.opset}`}`;
    case 'tflite':
      return 'TensorFlow Lite';
    case 'mrl':
      return 'model string';
    case 'layers':
      return model.format?.title ?? 'layers';
    default:
      return model.kind satisfies never;
  }
};

const sourceFacts = (model: LoadedModel, facts: ProgramFacts): readonly Fact[] =>
  model.kind === 'package'
    ? packageFacts(model)
    : [
        ['format', formatName(model)],
        ...(model.producer === undefined ? [] : [['producer', model.producer] as const]),
        ['size', formatBytes(model.sizeBytes)],
        ['identity', facts.identity],
      ];

const portRows = (model: LoadedModel, facts: ProgramFacts): readonly (readonly string[])[] => {
  const metadata = model.kind === 'package' ? [...model.package.metadata.inputs, ...model.package.metadata.outputs] : [];
  const sourceScales = model.kind === 'package' ? [] : [...(model.scales?.inputs ?? []), ...(model.scales?.outputs ?? [])];
  return [...facts.inputs.map((p) => ['input', p] as const), ...facts.outputs.map((p) => ['output', p] as const)].map(([what, p], i) => {
    const m = metadata[i] ?? sourceScales[i];
    return [what, visible(p.name), p.type, m?.scale === undefined ? '' : `real = ${m.scale} * (q - ${m.zero ?? 0})`];
  });
};

const headroomText = (rooms: readonly Headroom[]): string =>
  rooms.length === 0
    ? ''
    : `\nOverflow proof: holds for ${rooms.length} int32 results, at least ${rooms[0]?.freeBits ?? 0} free bits. Tightest:\n${formatTable(
        ['free bits', 'bound', 'layer'],
        rooms.slice(0, TIGHTEST_SHOWN).map((r) => [String(r.freeBits), formatCount(r.bound), visible(r.layer)]),
        ['right', 'right'],
      )}`;

const inspectText = (model: LoadedModel, facts: ProgramFacts, cost: Cost | undefined, rooms: readonly Headroom[]): string =>
  [
    formatFacts([
      ...sourceFacts(model, facts).map(([n, v]) => [n, visible(v)] as const),
      [
        'program',
        `${formatCount(facts.nodes)} nodes, ${formatCount(facts.parameters)} parameters, ${formatCount(facts.parameterElements)} elements, ${formatBytes(facts.parameterBytes)}`,
      ],
      [
        'cost of a run',
        cost === undefined
          ? 'unknown: a dimension is symbolic'
          : `${formatCount(cost.operations)} operations, ${formatCount(cost.endorphin)} Endorphin`,
      ],
    ]),
    `\n${formatTable(['', 'name', 'type', 'meaning'], portRows(model, facts))}`,
    model.kind === 'package' && model.package.storage.parameters.length > 0 ? `\n${storageTable(model.package)}` : '',
    bitsTable(model),
    headroomText(rooms),
    `\n${formatTable(
      ['op', 'nodes', 'operations'],
      facts.ops.map((o) => [o.op, String(o.nodes), o.operations === undefined ? '' : formatCount(o.operations)]),
      ['left', 'right', 'right'],
    )}`,
  ].join('');

const inspectJson = (
  model: LoadedModel,
  facts: ProgramFacts,
  cost: Cost | undefined,
  rooms: readonly Headroom[],
): { readonly [key: string]: Json } => ({
  kind: model.kind,
  bytes: model.sizeBytes,
  ...(model.kind === 'package'
    ? {
        metadata: JSON.parse(JSON.stringify(model.package.metadata)) as Json,
        cid: model.package.cid,
        packageHash: toHex(model.package.modelHash),
        memoryBytes: model.package.cost.memoryBytes,
        storage: storageJson(model.package),
      }
    : {
        ...(model.opset === undefined ? {} : { opset: model.opset }),
        ...(model.producer === undefined ? {} : { producer: model.producer }),
      }),
  identity: facts.identity,
  inputs: facts.inputs.map((p) => ({ ...p })),
  outputs: facts.outputs.map((p) => ({ ...p })),
  nodes: facts.nodes,
  parameters: facts.parameters,
  parameterElements: facts.parameterElements,
  parameterBytes: facts.parameterBytes,
  ...(cost === undefined ? {} : { operations: cost.operations, endorphin: cost.endorphin }),
  headroom: rooms.slice(0, TIGHTEST_SHOWN).map((r) => ({ ...r })),
  ops: facts.ops.map((o) => ({ op: o.op, nodes: o.nodes, ...(o.operations === undefined ? {} : { operations: o.operations }) })),
});

/** `cortexc inspect`. Symbolic dimensions stay unless --bind is given. */
export const inspectModel = async (args: ModelArgs & { readonly model: string }, context: Context): Promise<Result<Report>> => {
  const model = await loadModel(context, args.model, args, { assumeBatch: false, randomParams: true });
  if (!model.ok) return model;
  const program = programOf(model.value);
  const facts = programFacts(program);
  const cost = costOf(program);
  const rooms = headrooms(program);
  return ok({
    json: inspectJson(model.value, facts, cost, rooms),
    text: inspectText(model.value, facts, cost, rooms),
    warnings: warningsOf(model.value),
  });
};
