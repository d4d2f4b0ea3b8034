import { type Map2d, type NetworkGraph, OnnxGraph, type PoolOptions } from './graph.ts';

/** The classes of ImageNet. */
const CLASSES = 1000;
const IMAGE = [3, 224, 224] as const;

/** Writes a network and returns its output. */
export type Build = (g: NetworkGraph) => Map2d;

/** Squeeze to s channels, expand to 2 e: e by 1 x 1 and e by 3 x 3 (SqueezeNet, arXiv:1602.07360, figure 2). */
const fire = (g: NetworkGraph, x: Map2d, s: number, e: number): Map2d => {
  const squeezed = g.conv(x, { out: s, kernel: 1 });
  return g.concat([g.conv(squeezed, { out: e, kernel: 1 }), g.conv(squeezed, { out: e, kernel: 3 })]);
};

/** SqueezeNet 1.1, as its authors published it (github.com/forresti/SqueezeNet, SqueezeNet_v1.1). */
const squeezenet: Build = (g) => {
  const pool = { kernel: 3, stride: 2 };
  let x = g.maxPool(g.conv(g.input, { out: 64, kernel: 3, stride: 2, pad: 0 }), pool);
  x = g.maxPool(fire(g, fire(g, x, 16, 64), 16, 64), pool);
  x = g.maxPool(fire(g, fire(g, x, 32, 128), 32, 128), pool);
  for (const [s, e] of [
    [48, 192],
    [48, 192],
    [64, 256],
    [64, 256],
  ] as const)
    x = fire(g, x, s, e);
  return g.globalAveragePool(g.conv(x, { out: CLASSES, kernel: 1 }));
};

export interface BottleneckSize {
  /** Channels in the middle, in so many groups. */
  readonly width: number;
  readonly groups: number;
  readonly out: number;
  readonly stride: number;
}

/** 1 x 1, 3 x 3 and 1 x 1 around a shortcut (ResNet, arXiv:1512.03385, figure 5; in groups: ResNeXt, arXiv:1611.05431, figure 3c). */
const bottleneck = (g: NetworkGraph, x: Map2d, { width, groups, out, stride }: BottleneckSize): Map2d => {
  const narrow = g.conv(g.conv(x, { out: width, kernel: 1 }), { out: width, kernel: 3, stride, groups });
  const wide = g.conv(narrow, { out, kernel: 1, activation: 'none' });
  const same = x.channels === out && stride === 1;
  return g.add(wide, same ? x : g.conv(x, { out, kernel: 1, stride, activation: 'none' }), 'relu');
};

/**
 * ResNets and ResNeXts of bottlenecks (arXiv:1512.03385, table 1; arXiv:1611.05431, table 1), their strides in the 3 x 3 convolutions as
 * in the file of the ONNX model zoo ("v1.5").
 * @param blocks - of each stage
 * @param width - channels in the middle of the first stage's blocks
 */
export const residualNetwork =
  (blocks: readonly [number, number, number, number], width = 64, groups = 1): Build =>
  (g) => {
    let x = g.maxPool(g.conv(g.input, { out: 64, kernel: 7, stride: 2 }), { kernel: 3, stride: 2, pads: [1, 1] });
    for (const [stage, count] of blocks.entries())
      for (let i = 0; i < count; i++) {
        const stride = i === 0 && stage > 0 ? 2 : 1;
        x = bottleneck(g, x, { width: width * 2 ** stage, groups, out: 256 * 2 ** stage, stride });
      }
    return g.dense(g.globalAveragePool(x), CLASSES, 'none');
  };

/** VGG (arXiv:1409.1556, table 1) of so many 3 x 3 convolutions in each stage. */
export const vgg =
  (stages: readonly [number, number, number, number, number]): Build =>
  (g) => {
    let x = g.input;
    for (const [stage, layers] of stages.entries()) {
      for (let i = 0; i < layers; i++) x = g.conv(x, { out: Math.min(512, 64 * 2 ** stage), kernel: 3 });
      x = g.maxPool(x, { kernel: 2, stride: 2 });
    }
    return g.dense(g.dense(g.dense(g.flatten(x), 4096), 4096), CLASSES, 'none');
  };

/** MobileNet v1 (arXiv:1704.04861, table 1) with every width times `width`, and ReLU6 as its authors released it. */
const mobilenetV1Of =
  (width: number, classes: number): Build =>
  (g) => {
    let x = g.conv(g.input, { out: 32 * width, kernel: 3, stride: 2, activation: 'relu6' });
    const blocks = [
      [64, 1],
      [128, 2],
      [128, 1],
      [256, 2],
      [256, 1],
      [512, 2],
      ...Array.from({ length: 5 }, () => [512, 1] as const),
      [1024, 2],
      [1024, 1],
    ] as const;
    for (const [out, stride] of blocks) {
      const deep = g.conv(x, { out: x.channels, kernel: 3, stride, groups: x.channels, activation: 'relu6' });
      x = g.conv(deep, { out: out * width, kernel: 1, activation: 'relu6' });
    }
    return g.dense(g.globalAveragePool(x), classes, 'none');
  };

/** Expansion, depthwise, linear projection (MobileNetV2, arXiv:1801.04381, table 1). */
const invertedResidual = (g: NetworkGraph, x: Map2d, factor: number, out: number, stride: number): Map2d => {
  const wide = factor === 1 ? x : g.conv(x, { out: factor * x.channels, kernel: 1, activation: 'relu6' });
  const deep = g.conv(wide, { out: wide.channels, kernel: 3, stride, groups: wide.channels, activation: 'relu6' });
  const y = g.conv(deep, { out, kernel: 1, activation: 'none' });
  return stride === 1 && x.channels === out ? g.add(x, y, 'none') : y;
};

/** MobileNet v2 1.0 224 (arXiv:1801.04381, table 2: t, c, n, s). */
const mobilenetV2: Build = (g) => {
  let x = g.conv(g.input, { out: 32, kernel: 3, stride: 2, activation: 'relu6' });
  const rows = [
    [1, 16, 1, 1],
    [6, 24, 2, 2],
    [6, 32, 3, 2],
    [6, 64, 4, 2],
    [6, 96, 3, 1],
    [6, 160, 3, 2],
    [6, 320, 1, 1],
  ] as const;
  for (const [t, c, n, s] of rows) for (let i = 0; i < n; i++) x = invertedResidual(g, x, t, c, i === 0 ? s : 1);
  return g.dense(g.globalAveragePool(g.conv(x, { out: 1280, kernel: 1, activation: 'relu6' })), CLASSES, 'none');
};

interface InceptionRow {
  /** Channels of the 1 x 1 branch; 0: the block halves the map and has no such branch. */
  readonly single: number;
  /** Channels before and after the 3 x 3. */
  readonly triple: readonly [number, number];
  /** Channels before and after the two 3 x 3 in a row. */
  readonly double: readonly [number, number];
  readonly pool: 'average' | 'max';
  /** Channels of the projection after the pool; 0: none. */
  readonly projection: number;
}

const inceptionBlock = (g: NetworkGraph, x: Map2d, row: InceptionRow): Map2d => {
  const stride = row.single === 0 ? 2 : 1;
  const triple = g.conv(g.conv(x, { out: row.triple[0], kernel: 1 }), { out: row.triple[1], kernel: 3, stride });
  const [before, after] = row.double;
  const double = g.conv(g.conv(g.conv(x, { out: before, kernel: 1 }), { out: after, kernel: 3 }), { out: after, kernel: 3, stride });
  const options: PoolOptions = { kernel: 3, stride, pads: stride === 2 ? [0, 1] : [1, 1] };
  const pooled = row.pool === 'max' ? g.maxPool(x, options) : g.averagePool(x, options);
  const last = row.projection === 0 ? pooled : g.conv(pooled, { out: row.projection, kernel: 1 });
  return g.concat([...(row.single === 0 ? [] : [g.conv(x, { out: row.single, kernel: 1 })]), triple, double, last]);
};

/** Inception v2 (BN-Inception: arXiv:1502.03167, figure 5), pools rounded up as its Caffe form does. */
const inceptionV2: Build = (g) => {
  const up = { kernel: 3, stride: 2, pads: [0, 1] } as const;
  let x = g.maxPool(g.conv(g.input, { out: 64, kernel: 7, stride: 2 }), up);
  x = g.maxPool(g.conv(g.conv(x, { out: 64, kernel: 1 }), { out: 192, kernel: 3 }), up);
  const rows: readonly InceptionRow[] = [
    { single: 64, triple: [64, 64], double: [64, 96], pool: 'average', projection: 32 },
    { single: 64, triple: [64, 96], double: [64, 96], pool: 'average', projection: 64 },
    { single: 0, triple: [128, 160], double: [64, 96], pool: 'max', projection: 0 },
    { single: 224, triple: [64, 96], double: [96, 128], pool: 'average', projection: 128 },
    { single: 192, triple: [96, 128], double: [96, 128], pool: 'average', projection: 128 },
    { single: 160, triple: [128, 160], double: [128, 160], pool: 'average', projection: 96 },
    { single: 96, triple: [128, 192], double: [160, 192], pool: 'average', projection: 96 },
    { single: 0, triple: [128, 192], double: [192, 256], pool: 'max', projection: 0 },
    { single: 352, triple: [192, 320], double: [160, 224], pool: 'average', projection: 128 },
    { single: 352, triple: [192, 320], double: [192, 224], pool: 'max', projection: 128 },
  ];
  for (const row of rows) x = inceptionBlock(g, x, row);
  return g.dense(g.globalAveragePool(x), CLASSES, 'none');
};

/** LeNet in the form that Caffe ships (examples/mnist/lenet.prototxt), after LeCun et al. 1998. */
const lenet: Build = (g) => {
  const pool = { kernel: 2, stride: 2 };
  const first = g.maxPool(g.conv(g.input, { out: 20, kernel: 5, pad: 0, activation: 'none' }), pool);
  const second = g.maxPool(g.conv(first, { out: 50, kernel: 5, pad: 0, activation: 'none' }), pool);
  return g.dense(g.dense(g.flatten(second), 500), 10, 'none');
};

/** Two 3 x 3 around a shortcut, which projects where the size changes (ResNet, arXiv:1512.03385, figure 2). */
const basicBlock = (g: NetworkGraph, x: Map2d, out: number, stride: number): Map2d => {
  const y = g.conv(g.conv(x, { out, kernel: 3, stride }), { out, kernel: 3, activation: 'none' });
  return g.add(y, stride === 1 ? x : g.conv(x, { out, kernel: 1, stride, pad: 0, activation: 'none' }), 'relu');
};

/** Image classification of MLPerf Tiny v1 (arXiv:2106.07597, section 4): ResNet-8 for CIFAR-10. */
const tinyResnet8: Build = (g) => {
  let x = g.conv(g.input, { out: 16, kernel: 3 });
  for (const [out, stride] of [
    [16, 1],
    [32, 2],
    [64, 2],
  ] as const)
    x = basicBlock(g, x, out, stride);
  return g.dense(g.globalAveragePool(x), 10, 'none');
};

/** Keyword spotting of MLPerf Tiny v1: DS-CNN, its first convolution padded to half the size as TensorFlow's "same" does. */
const tinyKws: Build = (g) => {
  let x = g.conv(g.input, { out: 64, kernel: [10, 4], stride: 2, pad: [4, 1, 5, 1] });
  for (let i = 0; i < 4; i++) x = g.conv(g.conv(x, { out: 64, kernel: 3, groups: 64 }), { out: 64, kernel: 1 });
  return g.dense(g.globalAveragePool(x), 12, 'none');
};

/** Anomaly detection of MLPerf Tiny v1: an autoencoder of ten dense layers. */
const tinyAd: Build = (g) => {
  const half = [128, 128, 128, 128];
  const x = [...half, 8, ...half].reduce((y, out) => g.dense(y, out), g.input);
  return g.dense(x, 640, 'none');
};

/** A 3 x 3 convolution of 256 channels, alone. */
const layer: Build = (g) => g.conv(g.input, { out: 256, kernel: 3 });

/** As many products as the 3 x 3 one in a form that Winograd's algorithm has no part in. */
const layer1x1: Build = (g) => g.conv(g.input, { out: 256, kernel: 1 });

export interface Architecture {
  readonly title: string;
  readonly input: readonly [channels: number, height: number, width: number];
  readonly build: Build;
  /** Runs in well under a millisecond. */
  readonly small?: true;
}

/** The networks of the benchmark, by the name that `--only` selects. */
export const ARCHITECTURES = {
  squeezenet: { title: 'SqueezeNet 1.1', input: IMAGE, build: squeezenet },
  resnet50: { title: 'ResNet-50', input: IMAGE, build: residualNetwork([3, 4, 6, 3]) },
  'mobilenet-v1': { title: 'MobileNet v1', input: IMAGE, build: mobilenetV1Of(1, CLASSES) },
  'mobilenet-v2': { title: 'MobileNet v2', input: IMAGE, build: mobilenetV2 },
  'inception-v2': { title: 'Inception v2', input: IMAGE, build: inceptionV2 },
  vgg19: { title: 'VGG-19', input: IMAGE, build: vgg([2, 2, 4, 4, 4]) },
  lenet: { title: 'LeNet', input: [1, 28, 28], build: lenet, small: true },
  'tiny-resnet8': { title: 'MLPerf Tiny ResNet-8', input: [3, 32, 32], build: tinyResnet8, small: true },
  'tiny-kws': { title: 'MLPerf Tiny DS-CNN', input: [1, 49, 10], build: tinyKws, small: true },
  'tiny-ad': { title: 'MLPerf Tiny autoencoder', input: [640, 0, 0], build: tinyAd, small: true },
  'tiny-vww': { title: 'MLPerf Tiny MobileNet v1 0.25 96', input: [3, 96, 96], build: mobilenetV1Of(1 / 4, 2), small: true },
  'layer-14': { title: '3x3, 256 channels, 14x14', input: [256, 14, 14], build: layer },
  'layer-28': { title: '3x3, 256 channels, 28x28', input: [256, 28, 28], build: layer },
  'layer-1x1': { title: '1x1, 2304 to 256 channels, 14x14', input: [2304, 14, 14], build: layer1x1 },
} as const satisfies Record<string, Architecture>;

export type ArchitectureName = keyof typeof ARCHITECTURES;

const SEED = 5;

/** The ONNX form of an architecture: the same bytes on every machine. */
export const onnxOf = (name: ArchitectureName): { readonly bytes: Uint8Array; readonly macs: number } => {
  const { title, input, build } = ARCHITECTURES[name];
  const graph = new OnnxGraph(title, input, SEED);
  const output = build(graph);
  return { bytes: graph.model(output), macs: graph.macs };
};
