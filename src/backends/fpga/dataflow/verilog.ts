import { DTYPE_INFO } from '../../../ir/index.ts';
import { at, invariant } from '../../../support/index.ts';
import type { SourceFile } from '../../source-folder.ts';
import { type Folded, type Folding, inputWidth } from './fold.ts';
import { finishFormat, finishRom, tableRom, weightRom } from './roms.ts';
import { type Add, type Layer, LAYER_KINDS, type Pipeline, type Softmax, type Stage, type Stream, type Table } from './stages.ts';
import type { Timing } from './timing.ts';

/** A stream where it can be watched: the instance of cxd_tap, the width of its words. */
export interface Tap {
  readonly file: string;
  readonly stream: Stream;
  readonly lanes: number;
}

export interface Verilog {
  readonly top: SourceFile;
  readonly roms: readonly SourceFile[];
  readonly taps: readonly Tap[];
}

export const TOP = 'cxd_pipeline';

export const elementBits = (s: Stream): number => 8 * DTYPE_INFO[s.dtype].bytes;

/** A signed parameter: negative numbers in parentheses would be taken for an expression by some tools. */
const integer = (v: number): string => (v < 0 ? `-32'sd${-v}` : String(v));
const quoted = (name: string): string => `"${name}"`;

const instance = (
  module: string,
  name: string,
  parameters: Readonly<Record<string, string>>,
  ports: Readonly<Record<string, string>>,
): string => {
  const list = (of: Readonly<Record<string, string>>): string =>
    Object.entries(of)
      .map(([key, value]) => `      .${key}(${value})`)
      .join(',\n');
  return `  ${module} #(\n${list(parameters)}\n  ) ${name} (\n${list(ports)}\n  );`;
};

/** The three signals of a stream by a prefix. */
const wires = (prefix: string, bits: number): string => `  wire ${prefix}_valid, ${prefix}_ready;\n  wire [${bits - 1}:0] ${prefix}_data;`;
const clocked = { clk: 'clk', rst: 'rst' } as const;
const input = (prefix: string, port = 'in'): Readonly<Record<string, string>> => ({
  [`${port}_valid`]: `${prefix}_valid`,
  [`${port}_ready`]: `${prefix}_ready`,
  [`${port}_data`]: `${prefix}_data`,
});
const output = (prefix: string): Readonly<Record<string, string>> => input(prefix, 'out');

const gcd = (a: number, b: number): number => (b === 0 ? a : gcd(b, a % b));

class Writer {
  readonly lines: string[] = [];
  readonly roms: SourceFile[] = [];
  readonly taps: Tap[] = [];

  add(...lines: readonly string[]): void {
    this.lines.push(...lines);
  }

  /** Words of `from` elements become words of `to`. @returns the prefix of the new stream */
  convert(prefix: string, from: number, to: number, bits: number): string {
    const common = gcd(from, to);
    const narrow = common === from ? prefix : `${prefix}n`;
    if (narrow !== prefix) {
      this.add(wires(narrow, common * bits));
      this.add(
        instance(
          'cxd_split',
          `${prefix}_split`,
          { W: String(common * bits), N: String(from / common) },
          { ...clocked, ...input(prefix), ...output(narrow) },
        ),
      );
    }
    if (common === to) return narrow;
    const wide = `${prefix}w`;
    this.add(wires(wide, to * bits));
    this.add(
      instance(
        'cxd_join',
        `${prefix}_join`,
        { W: String(common * bits), N: String(to / common) },
        { ...clocked, ...input(narrow), ...output(wide) },
      ),
    );
    return wide;
  }

  queue(prefix: string, bits: number, depth: number): string {
    const out = `${prefix}q`;
    this.add(wires(out, bits));
    this.add(
      instance('cxd_fifo', `${prefix}_queue`, { W: String(bits), DEPTH: String(depth) }, { ...clocked, ...input(prefix), ...output(out) }),
    );
    return out;
  }

  /** Branches of a stream for its readers. */
  fork(prefix: string, bits: number, readers: number): readonly string[] {
    if (readers === 1) return [prefix];
    const names = Array.from({ length: readers }, (_, k) => `${prefix}f${k}`);
    names.forEach((name) => this.add(wires(name, bits), `  assign ${name}_data = ${prefix}_data;`));
    const all = (signal: string): string =>
      `{${[...names]
        .reverse()
        .map((n) => `${n}_${signal}`)
        .join(', ')}}`;
    this.add(
      instance(
        'cxd_fork',
        `${prefix}_fork`,
        { N: String(readers) },
        { ...clocked, in_valid: `${prefix}_valid`, in_ready: `${prefix}_ready`, out_valid: all('valid'), out_ready: all('ready') },
      ),
    );
    return names;
  }

  tap(prefix: string, stream: Stream, lanes: number): void {
    const file = `tap${this.taps.length}.txt`;
    this.taps.push({ file, stream, lanes });
    this.add(
      '`ifdef CXD_TAPS',
      instance(
        'cxd_tap',
        `${prefix}_tap`,
        { W: String(lanes * elementBits(stream)), FILE: quoted(file) },
        { clk: 'clk', move: `${prefix}_valid && ${prefix}_ready`, data: `${prefix}_data` },
      ),
      '`endif',
    );
  }
}

const layerInstance = (w: Writer, l: Layer, f: Folding, i: number, timing: Timing, from: string, to: string): void => {
  const [weights, finishes] = [`weights${i}.hex`, `finish${i}.hex`];
  if (l.weights.length > 0) w.roms.push(weightRom(weights, l, f));
  if (l.finish.mode !== 'none') w.roms.push(finishRom(finishes, l, f));
  const format = finishFormat(l.finish);
  const numbers = {
    KIND: LAYER_KINDS.indexOf(l.kind),
    H: l.h,
    W: l.w,
    CF: l.c / f.simd,
    SIMD: f.simd,
    PE: f.pe,
    NQ: f.lanes,
    KH: l.kernel[0],
    KW: l.kernel[1],
    SY: l.stride[0],
    SX: l.stride[1],
    DY: l.dilation[0],
    DX: l.dilation[1],
    PT: l.begin[0],
    PL: l.begin[1],
    OH: l.oh,
    OW: l.ow,
    FOLDS: f.folds,
    FG: l.kind === 'dot' ? f.folds / l.groups : 1,
    TAPF: f.words,
    PIX: at(timing.rings, i),
    QUEUE: at(timing.queues, i),
    PAD: l.pad,
    LY: l.countedRows[0],
    HY: l.countedRows[1],
    LX: l.countedColumns[0],
    HX: l.countedColumns[1],
    SIGNED: Number(l.signedInput),
    WW: l.weightBits,
    AW: l.sumBits,
    EW: elementBits(l.output),
    FINISH: ['none', 'bias', 'rescale'].indexOf(l.finish.mode),
    SETS: Math.max(1, l.kind === 'mean' ? l.finish.sets.length : l.oc / f.lanes),
    MW: format.multiplierBits,
    SB: format.stepBits,
    S0: format.base,
    ZERO: l.finish.zero,
    LO: l.finish.lo,
    HI: l.finish.hi,
  };
  const texts = Object.fromEntries(Object.entries(numbers).map(([k, v]) => [k, integer(v)]));
  const names = { WEIGHTS: quoted(weights), FINISHES: quoted(finishes) };
  w.add(instance('cxd_layer', `stage${i}`, { ...texts, PAD: `8'd${l.pad}`, ...names }, { ...clocked, ...input(from), ...output(to) }));
};

const tableInstance = (w: Writer, s: Table, f: Folding, i: number, from: string, to: string): void => {
  const file = `table${i}.hex`;
  const bits = elementBits(s.output);
  w.roms.push(tableRom(file, s.table, bits));
  const parameters = {
    P: String(f.lanes),
    CF: String(s.table.length > 256 ? s.channels / f.lanes : 1),
    EW: String(bits),
    BY_CHANNEL: String(Number(s.table.length > 256)),
    FILE: quoted(file),
  };
  w.add(instance('cxd_table', `stage${i}`, parameters, { ...clocked, ...input(from), ...output(to) }));
};

const addInstance = (w: Writer, s: Add, f: Folding, i: number, from: readonly string[], to: string): void => {
  const [a, b] = s.inputs;
  const parameters = {
    P: f.lanes,
    MA: s.multipliers[0],
    MB: s.multipliers[1],
    ZA: s.zeros[0],
    ZB: s.zeros[1],
    SIGNED_A: Number(a?.dtype === 'i8'),
    SIGNED_B: Number(b?.dtype === 'i8'),
    S: s.shift,
    ZERO: s.zero,
    LO: s.lo,
    HI: s.hi,
  };
  const texts = Object.fromEntries(Object.entries(parameters).map(([k, v]) => [k, integer(v)]));
  w.add(instance('cxd_add', `stage${i}`, texts, { ...clocked, ...input(at(from, 0), 'a'), ...input(at(from, 1), 'b'), ...output(to) }));
};

const SOFTMAX_ENTRY = 17;

const softmaxInstance = (w: Writer, s: Softmax, i: number, from: string, to: string): void => {
  const file = `table${i}.hex`;
  w.roms.push(tableRom(file, s.table, SOFTMAX_ENTRY));
  w.add(
    instance('cxd_softmax', `stage${i}`, { N: String(s.output.count), FILE: quoted(file) }, { ...clocked, ...input(from), ...output(to) }),
  );
};

const axisName = (side: 's' | 'm', i: number, count: number): string => (count === 1 ? `${side}_axis` : `${side}${i}_axis`);

/** The pipeline as a top module of AXI-Streams and the contents of its memories. */
export const verilogOf = (pipeline: Pipeline, { foldings, inputs }: Folded, timing: Timing): Verilog => {
  const w = new Writer();
  const branches = new Map<number, string[]>();
  const width = new Map<number, number>();
  const readers = (s: Stream): number =>
    pipeline.stages.reduce((n, stage) => n + stage.inputs.filter((x) => x.source === s.source).length, 0) +
    pipeline.outputs.filter((o) => o.stream.source === s.source).length;
  const open = (prefix: string, s: Stream, lanes: number): void => {
    w.tap(prefix, s, lanes);
    width.set(s.source, lanes);
    const count = readers(s);
    if (count === 0) w.add(`  assign ${prefix}_ready = 1'b1;`, `  wire ${prefix}_unused = &{1'b0, ${prefix}_data};`);
    else branches.set(s.source, [...w.fork(prefix, lanes * elementBits(s), count)]);
  };
  const take = (s: Stream, lanes: number): string => {
    const prefix = branches.get(s.source)?.shift();
    invariant(prefix !== undefined, 'every reader of a stream has a branch');
    return w.convert(prefix, width.get(s.source) ?? 1, lanes, elementBits(s));
  };
  const ports: string[] = [];
  pipeline.inputs.forEach(({ stream }, i) => {
    const [axis, lanes] = [axisName('s', i, pipeline.inputs.length), at(inputs, i)];
    ports.push(
      `input wire ${axis}_tvalid`,
      `output wire ${axis}_tready`,
      `input wire [${8 * lanes - 1}:0] ${axis}_tdata`,
      `input wire ${axis}_tlast`,
    );
    w.add(
      wires(`i${i}`, 8 * lanes),
      `  assign i${i}_valid = ${axis}_tvalid;`,
      `  assign i${i}_data = ${axis}_tdata;`,
      `  assign ${axis}_tready = i${i}_ready;`,
    );
    w.add(`  wire fault_${i}, i${i}_unused;`, frameInstance(`i${i}`, stream.count / lanes, `${axis}_tlast`, `i${i}_unused`, `fault_${i}`));
    open(`i${i}`, stream, lanes);
  });
  pipeline.stages.forEach((s, i) => {
    const f = at(foldings, i);
    const from = s.inputs.map((x, k) => {
      const taken = take(x, inputWidth(s, f));
      return s.stage === 'add' ? w.queue(taken, 8 * f.lanes, Math.ceil(at(at(timing.balances, i), k))) : taken;
    });
    w.add(wires(`s${i}`, f.lanes * elementBits(s.output)));
    stageInstance(w, s, f, i, timing, from, `s${i}`);
    open(`s${i}`, s.output, f.lanes);
  });
  pipeline.outputs.forEach(({ stream }, i) => {
    const lanes = width.get(stream.source) ?? 1;
    const axis = axisName('m', i, pipeline.outputs.length);
    ports.push(
      `output wire ${axis}_tvalid`,
      `input wire ${axis}_tready`,
      `output wire [${lanes * elementBits(stream) - 1}:0] ${axis}_tdata`,
      `output wire ${axis}_tlast`,
    );
    const prefix = take(stream, lanes);
    w.add(
      `  assign ${axis}_tvalid = ${prefix}_valid;`,
      `  assign ${prefix}_ready = ${axis}_tready;`,
      `  assign ${axis}_tdata = ${prefix}_data;`,
    );
    w.add(frameInstance(`m${i}`, stream.count / lanes, `${axis}_tlast`, `${axis}_tlast`, `m${i}_unused`, prefix), `  wire m${i}_unused;`);
  });
  const faults = pipeline.inputs.map((_, i) => `fault_${i}`);
  w.add(`  assign frame_fault = ${faults.join(' | ')};`);
  return { top: { name: `${TOP}.v`, text: moduleText(pipeline, ports, w.lines) }, roms: w.roms, taps: w.taps };
};

const stageInstance = (w: Writer, s: Stage, f: Folding, i: number, timing: Timing, from: readonly string[], to: string): void => {
  w.add(`  // ${s.name.replaceAll(/[^\x20-\x7e]/g, '?')}`);
  switch (s.stage) {
    case 'layer':
      return layerInstance(w, s, f, i, timing, at(from, 0), to);
    case 'table':
      return tableInstance(w, s, f, i, at(from, 0), to);
    case 'add':
      return addInstance(w, s, f, i, from, to);
    case 'softmax':
      return softmaxInstance(w, s, i, at(from, 0), to);
    default:
      return s satisfies never;
  }
};

const frameInstance = (name: string, words: number, given: string, last: string, fault: string, prefix = name): string =>
  instance(
    'cxd_frame',
    `${name}_frame`,
    { WORDS: String(words) },
    { ...clocked, move: `${prefix}_valid && ${prefix}_ready`, given, last, fault },
  );

const moduleText = (pipeline: Pipeline, ports: readonly string[], lines: readonly string[]): string => `\`timescale 1ns/1ps
\`default_nettype none
// A pipeline for one model, made by cortexc: ${pipeline.stages.length} stages. Each input and output is an AXI-Stream, one frame after the other; tlast goes with the
// last word of a frame. frame_fault stays high after an input whose tlast came at another word.
module ${TOP} (
    input wire clk,
    input wire rst,
${ports.map((p) => `    ${p},`).join('\n')}
    output wire frame_fault
);
${declaredFirst(lines).join('\n')}
endmodule
`;

/** Declarations before their uses. */
const declaredFirst = (lines: readonly string[]): readonly string[] => {
  const isWire = (line: string): boolean => line.startsWith('  wire ') && !line.includes(' = ');
  return [...lines.filter(isWire), ...lines.filter((line) => !isWire(line))];
};
