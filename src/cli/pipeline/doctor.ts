import { BACKENDS } from '../../backends/index.ts';
import {
  type AnyNode,
  DTYPE_INFO,
  elementCount,
  endorphinOf,
  isIntegerProgram,
  isStaticType,
  type OpName,
  placeOf,
  type Program,
  programCost,
  valueBytes,
} from '../../ir/index.ts';
import { prepareFloat, quantizeProgram } from '../../passes/index.ts';
import { at, type Diagnostic, exitCodeOf, fail, ok, type Result } from '../../support/index.ts';
import { parseBindings } from '../bindings.ts';
import type { Report } from '../command.ts';
import type { Context } from '../context.ts';
import { wrongKind } from '../diagnostics.ts';
import type { Json } from '../json.ts';
import { diagnosticJson } from '../show-diagnostics.ts';
import { formatBytes, formatCount, formatFacts, formatTable, visible } from '../text.ts';
import { isStatic } from './facts.ts';
import { kindOf, loadModel, type ModelArgs } from './load.ts';
import { examineLayers } from './load-layers.ts';
import { examineFile } from './load-onnx.ts';
import { examineTfliteFile } from './load-tflite.ts';

export interface DoctorArgs extends ModelArgs {
  readonly model: string;
  readonly all: boolean;
}

type Verdict = 'ok' | 'approximated' | 'unsupported';

/** One node of the user's model. */
interface NodeVerdict {
  readonly verdict: Verdict;
  readonly node: string;
  readonly op: string;
  /** Opset version of an ONNX model, version of a TensorFlow Lite operator. */
  readonly version?: number | undefined;
  readonly reason?: string | undefined;
}

interface Examination {
  readonly nodes: readonly NodeVerdict[];
  /** Every reason why the model cannot be imported. */
  readonly problems: readonly Diagnostic[];
  /** Those that no row of `nodes` tells. */
  readonly otherProblems: readonly Diagnostic[];
  readonly warnings: readonly Diagnostic[];
  /** Absent when nothing could be imported; only the supported part when there are problems. */
  readonly program: Program | undefined;
}

/** What an importer tells of a file that other tools wrote. */
interface ImportReport {
  readonly nodes: readonly {
    readonly name: string;
    readonly op: string;
    readonly domain: string;
    readonly version: number | undefined;
    readonly verdict: Verdict;
    readonly reason?: string;
    readonly diagnostics: readonly Diagnostic[];
  }[];
  readonly problems: readonly Diagnostic[];
  readonly warnings: readonly Diagnostic[];
  readonly program: Program | undefined;
}

const examinationOf = (report: ImportReport, notes: readonly Diagnostic[]): Examination => ({
  nodes: report.nodes.map((n) => ({
    verdict: n.verdict,
    node: n.name,
    op: n.domain === '' || n.domain === 'ai.onnx' ? n.op : `${n.domain}.${n.op}`,
    version: n.version,
    reason: n.reason,
  })),
  problems: report.problems,
  otherProblems: report.problems.filter((d) => !report.nodes.some((n) => n.diagnostics.includes(d) && n.reason === d.message)),
  warnings: [...report.warnings, ...notes],
  program: report.program,
});

const examineSource = async (args: DoctorArgs, context: Context): Promise<Result<Examination>> => {
  const file = context.read(args.model, 'model');
  if (!file.ok) return file;
  const kind = await kindOf(file.value, args.model);
  if (typeof kind === 'object') {
    const examined = await examineLayers(context, kind, args.model, file.value, { ...args, randomParams: args['random-params'] ?? false });
    return examined.ok ? ok(examinationOf(examined.value.report, [])) : examined;
  }
  if (kind === 'onnx') {
    const sizes = parseBindings(args.bind ?? []);
    if (!sizes.ok) return sizes;
    const examined = examineFile(context, args.model, file.value, { sizes: sizes.value, constants: args.const ?? [], assumeBatch: true });
    if (!examined.ok) return examined;
    return ok(examinationOf(examined.value.report, examined.value.notes));
  }
  if (kind === 'tflite') {
    const sizes = parseBindings(args.bind ?? []);
    if (!sizes.ok) return sizes;
    const examined = examineTfliteFile(args.model, file.value, sizes.value);
    return examined.ok ? ok(examinationOf(examined.value, [])) : examined;
  }
  const model = await loadModel(context, args.model, args, { assumeBatch: true, randomParams: true });
  if (!model.ok) return model;
  if (model.value.kind === 'package') {
    return fail(
      wrongKind(args.model, 'this is a package: it has passed every check already', `Look at it: cortexc inspect ${args.model}.`),
    );
  }
  const { program, warnings } = model.value;
  const nodes = (program.nodes as readonly AnyNode[]).map(
    (node, i): NodeVerdict => ({ verdict: 'ok', node: placeOf(node, i), op: node.op }),
  );
  return ok({ nodes, problems: [], otherProblems: [], warnings, program });
};

/** What the package will be like, from shapes alone. */
interface Prediction {
  readonly packageBytes: number;
  readonly memoryBytes: number;
  readonly operations: number;
  readonly endorphin: number;
}

/** Per-channel bias, multiplier and shift: four bytes each. */
const CHANNEL_BYTES = 12;
const OVERHEAD_BYTES = 2048;

const predict = (prepared: Program): Prediction => {
  const integer = isIntegerProgram(prepared);
  const packageBytes = prepared.params.reduce(
    (sum, p) => {
      const type = at(prepared.types, p.value);
      if (!isStaticType(type)) return sum;
      const count = elementCount(type.shape);
      const quantized = type.shape.length > 1 ? count : CHANNEL_BYTES * count;
      return sum + (integer || type.dtype !== 'f32' ? count * DTYPE_INFO[type.dtype].bytes : quantized);
    },
    OVERHEAD_BYTES + 40 * prepared.nodes.length,
  );
  const operations = programCost(prepared);
  return {
    packageBytes,
    memoryBytes: packageBytes + Math.ceil(valueBytes(prepared) / (integer ? 1 : 4)),
    operations,
    endorphin: endorphinOf(operations),
  };
};

/** Nodes that have no integer form. Without samples the quantizer stops after its plan, before any work. */
const quantizerRefusals = (program: Program): readonly Diagnostic[] => {
  if (isIntegerProgram(program)) return [];
  const planned = quantizeProgram(program, { samples: [] });
  return planned.ok ? [] : planned.diagnostics.filter((d) => d.code !== 'QNT0002');
};

/** Ops that a backend refuses, with its reason. */
const backendRefusals = (program: Program): readonly { readonly backend: string; readonly op: OpName; readonly reason: string }[] => {
  const ops = [...new Set(program.nodes.map((n) => n.op))];
  // what takes no float32 at all has nothing to say of a float program
  const asked = isIntegerProgram(program) ? BACKENDS : BACKENDS.filter((b) => b.capabilities.includes('F32S'));
  return asked.flatMap((backend) =>
    ops.flatMap((op) => {
      const reason = backend.refusal(op);
      return reason === undefined ? [] : [{ backend: backend.name, op, reason }];
    }),
  );
};

interface Findings {
  readonly refusals: readonly Diagnostic[];
  readonly backends: ReturnType<typeof backendRefusals>;
  readonly prediction: Prediction | undefined;
}

const findingsOf = ({ program, problems }: Examination): Findings => {
  if (program === undefined || problems.length > 0 || !isStatic(program)) return { refusals: [], backends: [], prediction: undefined };
  const prepared = isIntegerProgram(program) ? program : prepareFloat(program);
  return { refusals: quantizerRefusals(program), backends: backendRefusals(prepared), prediction: predict(prepared) };
};

const ORDER = { unsupported: 0, approximated: 1, ok: 2 } as const satisfies Record<Verdict, number>;

/** Alike nodes beyond this number share a row of the table. */
const MAX_ALIKE = 5;

/** Rows of the table; where many nodes have the same verdict for the same reason, the first speaks for all. */
const grouped = (nodes: readonly NodeVerdict[]): readonly NodeVerdict[] => {
  const groups = new Map<string, NodeVerdict[]>();
  for (const n of nodes) {
    const key = `${n.verdict}\n${n.reason ?? ''}`;
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [n]);
    else group.push(n);
  }
  return [...groups.values()].flatMap((group) => {
    const [first] = group;
    if (first === undefined || group.length <= MAX_ALIKE) return group;
    const ops = [...new Set(group.map((n) => n.op))];
    const node = `${first.node} and ${formatCount(group.length - 1)} more`;
    return [{ ...first, node, op: ops.length === 1 ? first.op : `${first.op} and ${ops.length - 1} more` }];
  });
};

const nodeTable = (nodes: readonly NodeVerdict[], all: boolean): string => {
  const wanted = nodes.filter((n) => all || n.verdict !== 'ok').sort((a, b) => ORDER[a.verdict] - ORDER[b.verdict]);
  const shown = all ? wanted : grouped(wanted);
  if (shown.length === 0) return '';
  return `${formatTable(
    ['verdict', 'node', 'op', 'opset', 'reason'],
    shown.map((n) => [
      n.verdict,
      visible(n.node),
      visible(n.op),
      n.version === undefined ? '' : String(n.version),
      visible(n.reason ?? ''),
    ]),
  )}\n`;
};

/** Problems that the node table does not tell. */
/** One line a problem; a composite has the same problem at many of its steps, told once with how often. */
const problemLines = (title: string, problems: readonly Diagnostic[]): string => {
  const counts = new Map<string, number>();
  for (const d of problems) {
    const remedy = d.notes.length === 0 ? '' : `. ${d.notes.map(visible).join(' ')}`;
    const line = `${d.code}${d.where === undefined ? '' : ` ${visible(d.where)}`}: ${visible(d.message)}${remedy}`;
    counts.set(line, (counts.get(line) ?? 0) + 1);
  }
  const lines = [...counts].map(([line, n]) => `  ${line}${n === 1 ? '' : ` (${n} times)`}\n`);
  return lines.length === 0 ? '' : `${title}\n${lines.join('')}\n`;
};

const doctorText = (args: DoctorArgs, e: Examination, f: Findings): string => {
  const count = (v: Verdict): number => e.nodes.filter((n) => n.verdict === v).length;
  const broken = e.problems.length > 0;
  const verdict = broken
    ? 'cannot be compiled'
    : f.refusals.length > 0
      ? 'compiles only with --float: not every node has an integer form'
      : 'compiles';
  const p = f.prediction;
  return [
    nodeTable(e.nodes, args.all),
    problemLines('Problems:', e.otherProblems),
    problemLines(`Without an integer form (${f.refusals.length}):`, f.refusals),
    ...f.backends.map((b) => `backend ${b.backend} refuses ${b.op}: ${b.reason}\n`),
    formatFacts([
      ['model', `${args.model} ${verdict}`],
      [
        'nodes',
        `${formatCount(e.nodes.length)}: ${count('ok')} ok, ${count('approximated')} approximated, ${count('unsupported')} unsupported`,
      ],
      ...(p === undefined
        ? []
        : ([
            ['package', `about ${formatBytes(p.packageBytes)}`],
            ['memory', `at most ${formatBytes(p.memoryBytes)}`],
            ['Endorphin', `about ${formatCount(p.endorphin)} a run (${formatCount(p.operations)} operations)`],
          ] as const)),
      [
        'quantization',
        broken
          ? 'unknown until the problems are gone'
          : f.refusals.length === 0
            ? 'every node has an integer form'
            : `${f.refusals.length} nodes have none`,
      ],
    ]),
  ].join('');
};

const doctorJson = (e: Examination, f: Findings): { readonly [key: string]: Json | undefined } => ({
  compiles: e.problems.length === 0,
  quantizable: e.problems.length === 0 && f.refusals.length === 0,
  nodes: e.nodes.map((n) => ({
    verdict: n.verdict,
    node: n.node,
    op: n.op,
    ...(n.version === undefined ? {} : { version: n.version }),
    ...(n.reason === undefined ? {} : { reason: n.reason }),
  })),
  problems: e.problems.map(diagnosticJson),
  refusals: f.refusals.map(diagnosticJson),
  backends: f.backends.map((b) => ({ ...b })),
  ...(f.prediction === undefined ? {} : { prediction: { ...f.prediction } }),
});

/** `cortexc doctor`: everything that will not work, at once. */
export const examineModel = async (args: DoctorArgs, context: Context): Promise<Result<Report>> => {
  const examined = await examineSource(args, context);
  if (!examined.ok) return examined;
  const findings = findingsOf(examined.value);
  const [first] = [...examined.value.problems, ...findings.refusals];
  return ok({
    exit: first === undefined ? 0 : examined.value.nodes.some((n) => n.verdict === 'unsupported') ? 4 : exitCodeOf(first.code),
    json: doctorJson(examined.value, findings),
    text: doctorText(args, examined.value, findings),
    warnings: examined.value.warnings,
  });
};
