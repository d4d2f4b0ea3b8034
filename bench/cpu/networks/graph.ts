import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import protobuf from 'protobufjs';
import { Philox } from '../../../src/ir/index.ts';
import { at } from '../../../src/support/index.ts';
import { ROOT } from '../../data.ts';
import { normalQuantile } from './normal.ts';

/** A feature map f32[N, channels, height, width]; a vector has height and width 0. */
export interface Map2d {
  readonly name: string;
  readonly channels: number;
  readonly height: number;
  readonly width: number;
}

export type Activation = 'relu' | 'relu6' | 'none';

export interface ConvOptions {
  readonly out: number;
  /** Rows and columns; one number for a square. */
  readonly kernel: number | readonly [rows: number, columns: number];
  readonly stride?: number;
  /** One number for all sides; half the kernel when absent, which keeps the size of odd kernels at stride 1. */
  readonly pad?: number | readonly [top: number, left: number, bottom: number, right: number];
  readonly groups?: number;
  /** `relu` when absent. */
  readonly activation?: Activation;
}

export interface PoolOptions {
  readonly kernel: number;
  readonly stride: number;
  /** Before the first and after the last row and column; 0 when absent. */
  readonly pads?: readonly [number, number];
}

interface Attribute {
  readonly name: string;
  readonly type: number;
  readonly i?: number;
  readonly ints?: readonly number[];
}
interface Node {
  readonly opType: string;
  readonly name: string;
  readonly input: readonly string[];
  readonly output: readonly string[];
  readonly attribute: readonly Attribute[];
}
interface Initializer {
  readonly name: string;
  readonly dims: readonly number[];
  readonly dataType: number;
  readonly rawData: Uint8Array;
}

const FLOAT = 1;
const INT = 2;
const INTS = 7;
const IR_VERSION = 8;
const OPSET = 13;
/** The symbol of the batch. */
const BATCH = 'N';
const BIAS = 0.1;
const SIX = 6;

const int = (name: string, i: number): Attribute => ({ name, type: INT, i });
const ints = (name: string, values: readonly number[]): Attribute => ({ name, type: INTS, ints: values });

export const padsOf = (pad: ConvOptions['pad'], rows: number, columns: number): readonly [number, number, number, number] => {
  if (typeof pad === 'object') return pad;
  const [vertical, horizontal] = [pad ?? Math.floor(rows / 2), pad ?? Math.floor(columns / 2)];
  return [vertical, horizontal, vertical, horizontal];
};

/** What an architecture is written with. */
export interface NetworkGraph {
  readonly input: Map2d;
  conv(x: Map2d, options: ConvOptions): Map2d;
  activate(x: Map2d, activation: Activation): Map2d;
  maxPool(x: Map2d, options: PoolOptions): Map2d;
  averagePool(x: Map2d, options: PoolOptions): Map2d;
  /** The mean of each channel, as a vector. */
  globalAveragePool(x: Map2d): Map2d;
  flatten(x: Map2d): Map2d;
  dense(x: Map2d, out: number, activation?: Activation): Map2d;
  add(a: Map2d, b: Map2d, activation: Activation): Map2d;
  concat(maps: readonly Map2d[]): Map2d;
}

/**
 * An ONNX model in the making, with seeded weights: normal of variance 2 / fan-in, which keeps activations of deep networks near 1
 * (He et al., arXiv:1502.01852), so nothing saturates and nothing dies. Trained weights are bell-shaped too; how they are spread
 * counts where speed depends on it (native on AVX2 groups weights by size). Batch normalization is taken as folded into the convolution
 * before it, as every runtime does before it runs. The batch is symbolic.
 */
export class OnnxGraph implements NetworkGraph {
  readonly input: Map2d;
  /** Multiply-accumulates of convolutions and dense layers for one image. */
  macs = 0;
  private readonly nodes: Node[] = [];
  private readonly initializers: Initializer[] = [];
  private readonly random: Philox;
  private readonly title: string;

  constructor(title: string, shape: readonly [channels: number, height: number, width: number], seed: number) {
    this.title = title;
    this.random = new Philox(seed);
    this.input = { name: 'input', channels: shape[0], height: shape[1], width: shape[2] };
  }

  conv(x: Map2d, options: ConvOptions): Map2d {
    const { out, stride = 1, groups = 1, activation = 'relu' } = options;
    const [rows, columns] = typeof options.kernel === 'number' ? [options.kernel, options.kernel] : options.kernel;
    const [top, left, bottom, right] = padsOf(options.pad, rows, columns);
    const height = Math.floor((x.height + top + bottom - rows) / stride) + 1;
    const width = Math.floor((x.width + left + right - columns) / stride) + 1;
    const dims = [out, x.channels / groups, rows, columns];
    const attributes = [
      ints('kernel_shape', [rows, columns]),
      ints('strides', [stride, stride]),
      ints('pads', [top, left, bottom, right]),
      int('group', groups),
    ];
    this.macs += height * width * dims.reduce((n, d) => n * d, 1);
    const y = { name: this.node('Conv', [x.name, ...this.weights(dims)], attributes), channels: out, height, width };
    return this.activate(y, activation);
  }

  activate(x: Map2d, activation: Activation): Map2d {
    if (activation === 'none') return x;
    if (activation === 'relu') return { ...x, name: this.node('Relu', [x.name]) };
    return { ...x, name: this.node('Clip', [x.name, this.scalar('zero', 0), this.scalar('six', SIX)]) };
  }

  maxPool(x: Map2d, options: PoolOptions): Map2d {
    return this.pool('MaxPool', x, options);
  }

  averagePool(x: Map2d, options: PoolOptions): Map2d {
    return this.pool('AveragePool', x, options);
  }

  globalAveragePool(x: Map2d): Map2d {
    return this.flatten({ ...x, name: this.node('GlobalAveragePool', [x.name]), height: 1, width: 1 });
  }

  flatten(x: Map2d): Map2d {
    return { name: this.node('Flatten', [x.name], [int('axis', 1)]), channels: x.channels * x.height * x.width, height: 0, width: 0 };
  }

  dense(x: Map2d, out: number, activation: Activation = 'relu'): Map2d {
    this.macs += x.channels * out;
    const y = { ...x, name: this.node('Gemm', [x.name, ...this.weights([out, x.channels])], [int('transB', 1)]), channels: out };
    return this.activate(y, activation);
  }

  add(a: Map2d, b: Map2d, activation: Activation): Map2d {
    return this.activate({ ...a, name: this.node('Add', [a.name, b.name]) }, activation);
  }

  concat(maps: readonly Map2d[]): Map2d {
    const name = this.node(
      'Concat',
      maps.map((m) => m.name),
      [int('axis', 1)],
    );
    return { ...at(maps, 0), name, channels: maps.reduce((n, m) => n + m.channels, 0) };
  }

  /** The bytes of the model, whose output is `y`. */
  model(y: Map2d): Uint8Array {
    const { root } = protobuf.parse(readFileSync(join(ROOT, 'grammar', 'onnx.proto'), 'utf8'));
    const type = root.lookupType('onnx.ModelProto');
    const port = ({ name, channels, height, width }: Map2d): object => {
      const sizes = height === 0 ? [channels] : [channels, height, width];
      const dim = [{ dimParam: BATCH }, ...sizes.map((dimValue) => ({ dimValue }))];
      return { name, type: { tensorType: { elemType: FLOAT, shape: { dim } } } };
    };
    const graph = { name: this.title, node: this.nodes, initializer: this.initializers, input: [port(this.input)], output: [port(y)] };
    const model = { irVersion: IR_VERSION, producerName: 'cortexc bench', opsetImport: [{ domain: '', version: OPSET }], graph };
    return new Uint8Array(type.encode(type.create(model)).finish());
  }

  private pool(op: 'MaxPool' | 'AveragePool', x: Map2d, { kernel, stride, pads: [before, after] = [0, 0] }: PoolOptions): Map2d {
    const size = (n: number): number => Math.floor((n + before + after - kernel) / stride) + 1;
    const attributes = [
      ints('kernel_shape', [kernel, kernel]),
      ints('strides', [stride, stride]),
      ints('pads', [before, before, after, after]),
    ];
    return { name: this.node(op, [x.name], attributes), channels: x.channels, height: size(x.height), width: size(x.width) };
  }

  private node(opType: string, input: readonly string[], attribute: readonly Attribute[] = []): string {
    const name = `${opType.toLowerCase()}_${this.nodes.length}`;
    this.nodes.push({ opType, name, input, output: [name], attribute });
    return name;
  }

  /** Weights of these dimensions and a bias for each of the first. */
  private weights(dims: readonly number[]): readonly [string, string] {
    const id = this.initializers.length;
    const deviation = Math.sqrt(2 / dims.slice(1).reduce((n, d) => n * d, 1));
    const weight = (): number => deviation * normalQuantile(this.random.unit() || 0.5);
    const bias = (): number => BIAS * (2 * this.random.unit() - 1);
    return [this.values(`weight_${id}`, dims, weight), this.values(`bias_${id}`, dims.slice(0, 1), bias)];
  }

  private values(name: string, dims: readonly number[], next: () => number): string {
    const data = new Float32Array(dims.reduce((n, d) => n * d, 1));
    for (let i = 0; i < data.length; i++) data[i] = next();
    this.initializers.push({ name, dims, dataType: FLOAT, rawData: new Uint8Array(data.buffer) });
    return name;
  }

  private scalar(name: string, value: number): string {
    if (!this.initializers.some((t) => t.name === name))
      this.initializers.push({ name, dims: [], dataType: FLOAT, rawData: new Uint8Array(Float32Array.of(value).buffer) });
    return name;
  }
}
