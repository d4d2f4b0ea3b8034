import { type AnyNode, type OpName, type OpNode, type Program, sameShape, type ValueId } from '../../../ir/index.ts';
import { at } from '../../../support/index.ts';
import { type Context, Slot } from '../../cpu/simd/index.ts';
import type { ArrayConfig } from '../array/config.ts';
import { planResidents, type ResidencePlan } from '../array/residents.ts';
import type { Task, Tensor16 } from '../array/task.ts';
import { type ArrayTiming, DEFAULT_TIMING } from '../simulator/array-cycles.ts';
import { channelsLastOf, recognizeConv } from './conv.ts';
import { ROW_SLACK } from './convert.ts';
import { recognizeDense, recognizeMatmul } from './dense.ts';
import { factsOf, type Facts } from './facts.ts';
import { Home, imageSizes, isDense, type LazyTensor, matrixSizes, type Sizes } from './homes.ts';
import { type Import, importChannelsLast, importLines, importImage, importMatrix, type Source } from './imports.ts';
import type { Desk, Layer, Operand, Recognize } from './layer.ts';
import { recognizeAdd, recognizeConcat, recognizeTable } from './map.ts';
import { recognizePool, recognizeReduce } from './window.ts';

/** Layers whose commands are one list, run where the last of them stands. */
export interface Group {
  readonly layers: readonly Layer[];
  readonly last: AnyNode;
  readonly tasks: readonly { readonly task: Task; readonly layer: Layer }[];
  readonly residence: ResidencePlan;
  /** Values that become row-major after it. */
  readonly exports: readonly { readonly value: ValueId; readonly home: Home }[];
}

/** What the array does of a program. */
export interface ArrayPlan {
  readonly layers: ReadonlyMap<AnyNode, Layer>;
  readonly groups: ReadonlyMap<AnyNode, Group>;
  /** Nodes whose results nobody reads in the form of the definition. */
  readonly absorbed: ReadonlySet<AnyNode>;
  /** Layers that make the copies that they and others read. */
  readonly importers: ReadonlyMap<Import, AnyNode>;
  /** Where the results of layers are, and what has the same bytes. */
  readonly homes: ReadonlyMap<ValueId, Home>;
  /** Values that are read, or given out, in the form of the definition. */
  readonly rows: ReadonlySet<ValueId>;
  readonly makers: ReadonlyMap<ValueId, AnyNode>;
}

/** What lists are planned with. */
export interface PlanOptions {
  readonly config: ArrayConfig;
  readonly timing?: ArrayTiming;
  /** Whether results that need not leave the chip are in memory too. */
  readonly trace?: boolean;
}

/** What the array does, by op. */
export const RECOGNIZERS: { readonly [K in OpName]?: Recognize<OpNode<K>> } = {
  conv: recognizeConv,
  dense: recognizeDense,
  matmul: recognizeMatmul,
  max_pool: recognizePool,
  average_pool: recognizePool,
  reduce_sum: recognizeReduce,
  reduce_mean: recognizeReduce,
  table: recognizeTable,
  add_rescale: recognizeAdd,
  concat: recognizeConcat,
};

const recognize = (desk: Desk, node: AnyNode): Layer | undefined => (RECOGNIZERS[node.op] as Recognize<AnyNode> | undefined)?.(desk, node);

/** The array's view of a program, found node by node. */
class Survey {
  readonly layers = new Map<AnyNode, Layer>();
  readonly passes = new Set<AnyNode>();
  readonly importers = new Map<Import, AnyNode>();
  /** Values that someone reads row-major. */
  readonly rows = new Set<ValueId>();
  /** Values that convs read where they came from. */
  private readonly absorbing = new Map<ValueId, number>();
  readonly homes = new Map<ValueId, Home>();
  private readonly imports = new Map<string, Import>();
  private readonly desk: Desk;
  readonly facts: Facts;
  private readonly ctx: Context;

  constructor(ctx: Context, config: ArrayConfig, timing: ArrayTiming) {
    const params = new Map(
      ctx.program.params.flatMap(({ value }) => {
        const tensor = ctx.paramData(value);
        return tensor === undefined ? [] : [[value, tensor] as const];
      }),
    );
    this.ctx = ctx;
    this.facts = factsOf(ctx.program, params, (node) => ctx.fusedInto(node), config);
    this.desk = {
      ctx,
      facts: this.facts,
      config,
      timing,
      made: (value, kind) => {
        const home = this.homes.get(value);
        return home?.kind === kind ? home : undefined;
      },
      image: (value) => this.image(value),
      matrix: (value) => this.matrix(value),
      lines: (value, pad) => {
        const last = channelsLastOf(this.facts, value);
        const sizes = imageSizes(this.facts.type(value)) ?? matrixSizes(this.facts.type(value));
        const source = this.source(last ?? value);
        return this.imported(`lines ${pad}`, value, () =>
          importLines(sizes, source, last !== undefined, pad, () => ctx.slot(source.value)),
        );
      },
      result: (value, kind, sizes) => this.result(value, kind, sizes),
    };
  }

  private imported(key: string, value: ValueId, make: () => Import): Operand {
    const name = `${value} ${key}`;
    const found = this.imports.get(name) ?? make();
    this.imports.set(name, found);
    return { home: found.home, from: found };
  }

  private source(value: ValueId): Source {
    return { value, constant: this.facts.isConstant(value) };
  }

  private image(value: ValueId): Operand | undefined {
    const made = this.desk.made(value, 'image');
    if (made !== undefined) return { home: made, from: undefined };
    const sizes = imageSizes(this.facts.type(value));
    if (sizes === undefined || this.facts.type(value).dtype !== 'i8') return undefined;
    const last = channelsLastOf(this.facts, value);
    return this.imported('image', value, () =>
      last === undefined ? importImage(this.ctx, sizes, this.source(value)) : importChannelsLast(this.ctx, sizes, this.source(last)),
    );
  }

  private matrix(value: ValueId): Operand | undefined {
    const made = this.desk.made(value, 'matrix');
    if (made?.images === 1) return { home: made, from: undefined };
    if (this.facts.type(value).dtype !== 'i8') return undefined;
    return this.imported('matrix', value, () => importMatrix(this.ctx, matrixSizes(this.facts.type(value)), this.source(value)));
  }

  private result(value: ValueId, kind: Home['kind'], sizes: Sizes): Home {
    const { ctx } = this;
    const raw = this.facts.type(value).dtype === 'i32';
    const dense = isDense({ kind, ...sizes });
    const home: Home = new Home(kind, sizes, raw, () => (dense ? ctx.slot(value) : new Slot((home.view.buffer as LazyTensor).bytes)));
    // the last block may be filled up
    if (dense) ctx.widen(value, home.beats * 16 * sizes.images * sizes.height * sizes.width);
    return home;
  }

  /** A reshape that leaves bytes and pixels as they are. */
  private passing(node: AnyNode): Home | undefined {
    if (node.op !== 'reshape') return undefined;
    const [x, y] = [at(node.operands, 0), at(node.results, 0)];
    const home = this.homes.get(x);
    if (home === undefined) return undefined;
    const [tx, ty] = [this.facts.type(x), this.facts.type(y)];
    if (sameShape(tx.shape, ty.shape)) return home;
    if (home.kind === 'matrix') return at(tx.shape, tx.shape.length - 1) === ty.shape.at(-1) ? home : undefined;
    // positions of one image of one pixel are channels
    const flat = home.images === 1 && home.height * home.width === 1 && ty.shape.length === 2 && ty.shape[0] === 1;
    return flat && !home.isPart ? new Matrix(home) : undefined;
  }

  look(node: AnyNode): void {
    const constant = node.operands.every((v) => this.facts.isConstant(v));
    const layer = constant ? undefined : recognize(this.desk, node);
    if (layer !== undefined) {
      this.layers.set(node, layer);
      for (const [value, home] of layer.results) this.homes.set(value, home);
      for (const from of layer.imports) {
        if (!this.importers.has(from)) this.importers.set(from, node);
        this.rows.add(from.source);
      }
      for (const v of node.operands) if (this.isAbsorbed(layer, v)) this.absorbing.set(v, (this.absorbing.get(v) ?? 0) + 1);
      return;
    }
    const home = constant ? undefined : this.passing(node);
    if (home !== undefined) {
      this.passes.add(node);
      this.homes.set(at(node.results, 0), home);
      return;
    }
    for (const v of node.operands) this.rows.add(v);
  }

  private isAbsorbed(layer: Layer, value: ValueId): boolean {
    const source = channelsLastOf(this.facts, value);
    return source !== undefined && layer.imports.some((i) => i.source === source);
  }

  /** The value that others are the same bytes of. */
  origin(value: ValueId): ValueId {
    const maker = this.facts.maker(value);
    return maker !== undefined && this.passes.has(maker) ? this.origin(at(maker.operands, 0)) : value;
  }

  /** Permutations whose every reader reads what they permute. */
  absorbed(uses: Uint32Array | readonly number[]): ReadonlySet<AnyNode> {
    return new Set(
      [...this.absorbing].flatMap(([value, count]) => {
        const maker = this.facts.maker(value);
        return maker !== undefined && uses[value] === count && !this.rows.has(value) ? [maker] : [];
      }),
    );
  }
}

/** One image of one pixel as a matrix of one row, in the same place. */
class Matrix extends Home {
  private readonly image: Home;
  constructor(image: Home) {
    super('matrix', image, image.raw, () => image.view.buffer.slot);
    this.image = image;
  }
  override get view(): Home['view'] {
    return this.image.view;
  }
  override get isPart(): boolean {
    return this.image.isPart;
  }
  override moveInto(home: Home, first: number): void {
    this.image.moveInto(home, first);
  }
}

/** Runs of layers without other steps between them. A copy of what a group makes ends the group. */
const groupsOf = (survey: Survey, nodes: readonly AnyNode[], skipped: (node: AnyNode) => boolean): readonly (readonly Layer[])[] => {
  const groups: Layer[][] = [];
  let open: Layer[] | undefined;
  for (const node of nodes) {
    if (skipped(node)) continue;
    const layer = survey.layers.get(node);
    if (layer === undefined) {
      open = undefined;
      continue;
    }
    const made = new Set(open?.flatMap((l) => [...l.results.keys()]) ?? []);
    if (open === undefined || layer.imports.some((i) => made.has(survey.origin(i.source)))) {
      open = [];
      groups.push(open);
    }
    open.push(layer);
  }
  return groups;
};

/** Decides what the array does of a program, and in which lists. */
export const planArray = (
  ctx: Context,
  { config, timing = DEFAULT_TIMING, trace = false }: PlanOptions,
  uses: readonly number[] | Uint32Array,
): ArrayPlan => {
  const program: Program = ctx.program;
  const nodes = program.nodes as readonly AnyNode[];
  const survey = new Survey(ctx, config, timing);
  const gone = new Set(nodes.flatMap((node) => ctx.fusedInto(node) ?? []) as readonly AnyNode[]);
  const live = nodes.filter((node) => !gone.has(node));
  for (const node of live) survey.look(node);
  for (const { value } of program.outputs) survey.rows.add(value);
  const absorbed = survey.absorbed(uses);
  for (const node of [...live].reverse())
    if (survey.passes.has(node) && survey.rows.has(at(node.results, 0))) survey.rows.add(at(node.operands, 0));
  const runs = groupsOf(
    survey,
    live,
    (node) => survey.passes.has(node) || absorbed.has(node) || node.operands.every((v) => survey.facts.isConstant(v)),
  );
  const exported = (layer: Layer): Group['exports'] =>
    [...layer.results].flatMap(([value, home]) => (survey.rows.has(value) && (home.isPart || !isDense(home)) ? [{ value, home }] : []));
  const groupTasks = runs.map((run) => run.flatMap((layer) => layer.tasks().map((task) => ({ task, layer }))));
  const touched = groupTasks.map((tasks) => new Set(tasks.flatMap(({ task }) => buffersRead(task))));
  const written = groupTasks.map((tasks) => new Set(tasks.map(({ task }) => task.output.buffer)));
  const groups = runs.map((layers, i): Group => {
    const exports = layers.flatMap(exported);
    const needed = new Set<Tensor16>(exports.map(({ home }) => home.view.buffer));
    for (const layer of layers)
      for (const [value, home] of layer.results) {
        const { buffer } = home.view;
        if (survey.rows.has(value) || touched.some((buffers, k) => k !== i && buffers.has(buffer))) needed.add(buffer);
      }
    const tasks = groupTasks[i] ?? [];
    const residence = planResidents(
      tasks.map(({ task }) => task),
      config,
      timing,
      needed,
      new Set(written.flatMap((buffers, k) => (k === i ? [] : [...buffers]))),
    );
    const traced = trace ? tasks.map(({ task }) => task.output.buffer) : [];
    const inMemory = new Set([...residence.inMemory, ...traced]);
    return { layers, last: at(layers, layers.length - 1).node, tasks, residence: { ...residence, inMemory }, exports };
  });
  for (const { exports } of groups)
    for (const { value, home } of exports) {
      const { images, height, width, channels, raw } = home;
      ctx.widen(value, images * height * width * channels * (raw ? 4 : 1) + ROW_SLACK);
    }
  const byNode = new Map(groups.flatMap((group) => group.layers.map(({ node }) => [node, group] as const)));
  const makers = new Map(live.flatMap((node) => node.results.map((value) => [value, node] as const)));
  const { layers, importers, homes, rows } = survey;
  return { layers, groups: byNode, absorbed, importers, homes, rows, makers };
};

/** Tensors that a task reads. */
const buffersRead = ({ input, addition, weights }: Task): readonly Tensor16[] => [
  input.buffer,
  ...(addition === undefined ? [] : [addition.view.buffer]),
  ...(weights?.rows === undefined ? [] : [weights.rows.buffer]),
];
