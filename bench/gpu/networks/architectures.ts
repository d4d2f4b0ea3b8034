import type { Program } from '../../../src/ir/index.ts';
import { ARCHITECTURES, residualNetwork, vgg } from '../../cpu/networks/architectures.ts';
import type { Map2d } from '../../cpu/networks/graph.ts';
import { IntegerGraph } from './integer-graph.ts';

const CLASSES = 1000;
type Build = (g: IntegerGraph) => Map2d;
type Shape = readonly [channels: number, height: number, width: number];

const POOL = { kernel: 3, stride: 2 } as const;

/** CaffeNet (github.com/BVLC/caffe, models/bvlc_reference_caffenet): AlexNet with pooling before normalization. */
const caffenet: Build = (g) => {
  let x = g.lrn(g.maxPool(g.conv(g.input, { out: 96, kernel: 11, stride: 4, pad: 0 }), POOL));
  x = g.lrn(g.maxPool(g.conv(x, { out: 256, kernel: 5, groups: 2 }), POOL));
  x = g.conv(g.conv(x, { out: 384, kernel: 3 }), { out: 384, kernel: 3, groups: 2 });
  x = g.maxPool(g.conv(x, { out: 256, kernel: 3, groups: 2 }), POOL);
  return g.dense(g.dense(g.dense(g.flatten(x), 4096), 4096), CLASSES, 'none');
};

/** Network in network (arXiv:1312.4400) in its ImageNet form (the Caffe model zoo's NIN-Imagenet). */
const nin: Build = (g) => {
  const block = (x: Map2d, out: number, kernel: number, stride: number, pad: number): Map2d => {
    const y = g.conv(x, { out, kernel, stride, pad });
    return g.conv(g.conv(y, { out, kernel: 1 }), { out, kernel: 1 });
  };
  let x = g.maxPool(block(g.input, 96, 11, 4, 0), POOL);
  x = g.maxPool(block(x, 256, 5, 1, 2), POOL);
  x = g.maxPool(block(x, 384, 3, 1, 1), POOL);
  const last = g.conv(g.conv(x, { out: 1024, kernel: 3 }), { out: 1024, kernel: 1 });
  return g.globalAveragePool(g.conv(last, { out: CLASSES, kernel: 1 }));
};

const AVERAGE = { kernel: 3, stride: 1, pads: [1, 1] } as const;
const conv = (g: IntegerGraph, x: Map2d, out: number, kernel: number | readonly [number, number]): Map2d => g.conv(x, { out, kernel });
const down = (g: IntegerGraph, x: Map2d, out: number): Map2d => g.conv(x, { out, kernel: 3, stride: 2, pad: 0 });

/** Inception modules of Inception v3 (arXiv:1512.00567, figures 5 to 7), channels as in torchvision's models/inception.py. */
const moduleA = (g: IntegerGraph, x: Map2d, projection: number): Map2d =>
  g.concat([
    conv(g, x, 64, 1),
    conv(g, conv(g, x, 48, 1), 64, 5),
    conv(g, conv(g, conv(g, x, 64, 1), 96, 3), 96, 3),
    conv(g, g.averagePool(x, AVERAGE), projection, 1),
  ]);

const moduleB = (g: IntegerGraph, x: Map2d, c: number): Map2d => {
  const [row, column] = [
    [1, 7],
    [7, 1],
  ] as const;
  const double = conv(g, conv(g, conv(g, conv(g, x, c, 1), c, column), c, row), c, column);
  return g.concat([
    conv(g, x, 192, 1),
    conv(g, conv(g, conv(g, x, c, 1), c, row), 192, column),
    conv(g, double, 192, row),
    conv(g, g.averagePool(x, AVERAGE), 192, 1),
  ]);
};

const moduleC = (g: IntegerGraph, x: Map2d): Map2d => {
  const split = (y: Map2d): readonly Map2d[] => [conv(g, y, 384, [1, 3]), conv(g, y, 384, [3, 1])];
  return g.concat([
    conv(g, x, 320, 1),
    ...split(conv(g, x, 384, 1)),
    ...split(conv(g, conv(g, x, 448, 1), 384, 3)),
    conv(g, g.averagePool(x, AVERAGE), 192, 1),
  ]);
};

const inceptionV3: Build = (g) => {
  let x = conv(g, g.conv(down(g, g.input, 32), { out: 32, kernel: 3, pad: 0 }), 64, 3);
  x = g.conv(conv(g, g.maxPool(x, POOL), 80, 1), { out: 192, kernel: 3, pad: 0 });
  x = g.maxPool(x, POOL);
  for (const projection of [32, 64, 64]) x = moduleA(g, x, projection);
  x = g.concat([down(g, x, 384), down(g, conv(g, conv(g, x, 64, 1), 96, 3), 96), g.maxPool(x, POOL)]);
  for (const c of [128, 160, 160, 192]) x = moduleB(g, x, c);
  const long = conv(g, conv(g, conv(g, x, 192, 1), 192, [1, 7]), 192, [7, 1]);
  x = g.concat([down(g, conv(g, x, 192, 1), 320), down(g, long, 192), g.maxPool(x, POOL)]);
  for (let i = 0; i < 2; i++) x = moduleC(g, x);
  return g.dense(g.globalAveragePool(x), CLASSES, 'none');
};

const IMAGE: Shape = [3, 224, 224];

interface Network {
  readonly title: string;
  readonly input: Shape;
  readonly build: Build;
  /** One of the eight of the white paper's stream (section 6, "Performance"). */
  readonly stream?: true;
}

/** The networks that GPUs are measured with. */
export const NETWORKS = {
  caffenet: { title: 'CaffeNet', input: [3, 227, 227], build: caffenet, stream: true },
  nin: { title: 'NIN', input: [3, 227, 227], build: nin, stream: true },
  squeezenet: { ...ARCHITECTURES.squeezenet, stream: true },
  vgg16: { title: 'VGG-16', input: IMAGE, build: vgg([2, 2, 3, 3, 3]), stream: true },
  vgg19: { ...ARCHITECTURES.vgg19, stream: true },
  'inception-v3': { title: 'Inception v3', input: [3, 299, 299], build: inceptionV3, stream: true },
  resnet152: { title: 'ResNet-152', input: IMAGE, build: residualNetwork([3, 8, 36, 3]), stream: true },
  resnext101: { title: 'ResNeXt-101 64x4d', input: IMAGE, build: residualNetwork([3, 4, 23, 3], 256, 64), stream: true },
  resnet50: ARCHITECTURES.resnet50,
  'mobilenet-v2': ARCHITECTURES['mobilenet-v2'],
  lenet: ARCHITECTURES.lenet,
  layer: { title: '3x3, 256 channels, 56x56', input: [256, 56, 56], build: (g) => g.conv(g.input, { out: 256, kernel: 3 }) },
} as const satisfies Record<string, Network>;

export type NetworkName = keyof typeof NETWORKS;

const SEED = 5;

/** The integer program of a network, the same on every machine, and its multiply-accumulates for one image. */
export const networkProgram = (name: NetworkName, batch: number): { readonly program: Program; readonly macs: number } => {
  const { title, input, build } = NETWORKS[name];
  const graph = new IntegerGraph(title, input, batch, SEED);
  const output = build(graph);
  return { program: graph.program(output), macs: graph.macs };
};

/** The eight of the white paper's stream. */
export const STREAM_NETWORKS: readonly NetworkName[] = (Object.keys(NETWORKS) as NetworkName[]).filter(
  (name) => 'stream' in NETWORKS[name],
);

export const networkTitle = (name: NetworkName): string => NETWORKS[name].title;
