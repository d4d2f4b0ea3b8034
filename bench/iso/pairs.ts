import type { ImportArgs } from './models.ts';

/** Two files of the data folder of which MANIFEST.md section 5 says what they are to each other. */
export interface ModelPair {
  readonly network: string;
  readonly a: string;
  readonly b: string;
  /** The highest level that must be proven; -1 when the models differ in structure. */
  readonly reached: number;
  /** Steps of quantization left out. */
  readonly quantized?: boolean;
  /** What the first difference, or a note, must say. */
  readonly says?: RegExp;
  /** What the files leave open. */
  readonly given?: { readonly a?: ImportArgs; readonly b?: ImportArgs };
}

/** Files without weights, or with equal ones: their structure is what they are for. */
export const isArchitecture = (path: string): boolean => /\/light_|^caffe\/prototxt\/|^mxnet\/symbols\//.test(path);

/** Images of a size, for inputs of one name or another. */
const images = (size: number, name = 'data'): ImportArgs => ({ shapes: { [name]: [1, 3, size, size] } });

const RFB = 'pairs/face-rfb-320/';
const KWS = 'pairs/micro_kws_m/micro_kws_m_';
const HLS = 'pairs/hls4ml/';
const CNTK = 'onnx-trained/mnist-cntk/';
const TINY = 'tflite/mlperf-tiny/';
const LIGHT = 'onnx-suites/light/light_';
const MOBILE = 'pairs/mobilenet_v1_0.25_224/mobilenet_v1_0.25_224_';
const FP16 = 'onnx-trained/squeezenet1.1-fp16/SqueezeNet_fp16.onnx';

export const PAIRS: readonly ModelPair[] = [
  {
    network: 'RFB-320: folded, unfolded',
    a: `${RFB}version-RFB-320_simplified.onnx`,
    b: `${RFB}version-RFB-320_without_postprocessing.onnx`,
    reached: 3,
  },
  // the TFLite export folded its batch norms with another epsilon: residual 3e-4
  {
    network: 'RFB-320: ONNX, TFLite',
    a: `${RFB}version-RFB-320_simplified.onnx`,
    b: `${RFB}version-RFB-320_without_postprocessing.tflite`,
    reached: 2,
    says: /another layout/,
  },
  {
    network: 'RFB-320: with boxes decoded',
    a: `${RFB}version-RFB-320_simplified.onnx`,
    b: `${RFB}version-RFB-320.onnx`,
    reached: -1,
    says: /Slice/,
  },
  { network: 'RFB-320: ONNX, Caffe', a: `${RFB}version-RFB-320_simplified.onnx`, b: `${RFB}RFB-320.prototxt`, reached: 3 },
  { network: 'RFB-320: ONNX, ncnn', a: `${RFB}version-RFB-320_simplified.onnx`, b: `${RFB}RFB-320.param`, reached: 3 },
  { network: 'RFB-320: ONNX, PyTorch', a: `${RFB}version-RFB-320_simplified.onnx`, b: `${RFB}version-RFB-320.pth`, reached: 3 },
  // the MXNet models take pictures turned, height for width, with channels in the other order
  {
    network: 'MTCNN det1: Caffe, MXNet',
    a: 'pairs/mtcnn-det1/det1.prototxt',
    b: 'pairs/mtcnn-det1/det1-symbol.json',
    reached: 3,
    says: /input data of B is seen with H and W swapped and its channels reversed/,
    given: { b: images(12) },
  },
  // not square, and larger than what it was trained on: conv1 to conv4 take any size
  {
    network: 'MTCNN det1: Caffe 16 x 24, MXNet 24 x 16',
    a: 'pairs/mtcnn-det1/det1.prototxt',
    b: 'pairs/mtcnn-det1/det1-symbol.json',
    reached: 3,
    says: /outputs? conv4_2\w* of B is seen with H and W swapped/,
    given: { a: { shapes: { data: [1, 3, 16, 24] } }, b: { shapes: { data: [1, 3, 24, 16] } } },
  },
  {
    network: 'MTCNN det3: Caffe, MXNet',
    a: 'pairs/mtcnn-det3/det3.prototxt',
    b: 'pairs/mtcnn-det3/det3-symbol.json',
    reached: 3,
    says: /input data of B is seen with H and W swapped and its channels reversed/,
    given: { b: images(48) },
  },
  { network: 'SqueezeNet 1.1: light, fp16', a: `${LIGHT}squeezenet.onnx`, b: FP16, reached: 2 },
  { network: 'SqueezeNet 1.1: ONNX, Caffe', a: FP16, b: 'caffe/prototxt/squeezenet_v1.1.prototxt', reached: 2, given: { b: images(224) } },
  {
    network: 'SqueezeNet 1.1: ONNX, MXNet',
    a: FP16,
    b: 'mxnet/symbols/squeezenet-v1.1-symbol.json',
    reached: 2,
    given: { b: images(224) },
  },
  {
    network: 'SqueezeNet 1.1: Caffe, MXNet',
    a: 'caffe/prototxt/squeezenet_v1.1.prototxt',
    b: 'mxnet/symbols/squeezenet_v1.1-b-symbol.json',
    reached: 2,
    given: { a: images(224), b: images(224) },
  },
  { network: 'SqueezeNet 1.1: ONNX, ncnn', a: FP16, b: 'ncnn/squeezenet_v1.1.param', reached: 3 },
  { network: 'MNIST CNTK: opset 8, 7', a: `${CNTK}model.onnx`, b: `${CNTK}mnist-opset7-winml.onnx`, reached: 3 },
  { network: 'MNIST CNTK: simplified', a: `${CNTK}model.onnx`, b: `${CNTK}opt-mnist.onnx`, reached: 3 },
  { network: 'MNIST CNTK: opset 1, divides first', a: `${CNTK}model.onnx`, b: `${CNTK}mnist-cntk2.4.onnx`, reached: 2, says: /255 times/ },
  { network: 'MNIST CNTK: another network', a: `${CNTK}model.onnx`, b: `${CNTK}mnist.simplified.onnx`, reached: -1 },
  { network: 'micro_kws_m: TFLite, tf2onnx', a: `${KWS}fp32.tflite`, b: `${KWS}static_fp32.onnx`, reached: 3 },
  { network: 'micro_kws_m: float, INT8 TFLite', a: `${KWS}fp32.tflite`, b: `${KWS}quantized.tflite`, reached: 3, quantized: true },
  { network: 'micro_kws_m: float, QDQ', a: `${KWS}static_fp32.onnx`, b: `${KWS}static_qdq.onnx`, reached: 3, quantized: true },
  { network: 'micro_kws_m: INT8 TFLite, QDQ', a: `${KWS}quantized.tflite`, b: `${KWS}static_qdq.onnx`, reached: 3, quantized: true },
  { network: 'micro_kws_m: float, QOperator', a: `${KWS}static_fp32.onnx`, b: `${KWS}static_qoperator.onnx`, reached: 3, quantized: true },
  // both keep biases in 8 bits, each in its own steps
  { network: 'micro_kws_m: QDQ, QOperator', a: `${KWS}static_qdq.onnx`, b: `${KWS}static_qoperator.onnx`, reached: 2, quantized: true },
  {
    network: 'micro_kws_m: INT8 TFLite, QOperator',
    a: `${KWS}quantized.tflite`,
    b: `${KWS}static_qoperator.onnx`,
    reached: 3,
    quantized: true,
  },

  { network: 'micro_kws_m: float is not QDQ', a: `${KWS}static_fp32.onnx`, b: `${KWS}static_qdq.onnx`, reached: -1 },
  { network: 'hls4ml 2 layers: Keras, PyTorch', a: `${HLS}two_layer_keras.onnx`, b: `${HLS}two_layer_pytorch.onnx`, reached: 2 },
  { network: 'hls4ml 3 layers: Keras, PyTorch', a: `${HLS}three_layer_keras.onnx`, b: `${HLS}three_layer_pytorch.onnx`, reached: 2 },
  { network: 'hls4ml: 2 layers, 3 layers', a: `${HLS}two_layer_keras.onnx`, b: `${HLS}three_layer_keras.onnx`, reached: -1 },
  { network: 'hls4ml conv1d: ONNX, Keras H5', a: `${HLS}conv1d_small_keras.onnx`, b: `${HLS}KERAS_conv1d_small.json`, reached: 3 },
  { network: 'hls4ml 3 layers: ONNX, Keras H5', a: `${HLS}three_layer_keras.onnx`, b: `${HLS}KERAS_3layer.json`, reached: 3 },
  {
    network: 'ResNet8: float, INT8',
    a: `${TINY}pretrainedResnet.tflite`,
    b: `${TINY}pretrainedResnet_quant.tflite`,
    reached: 3,
    quantized: true,
  },
  { network: 'ResNet8: TFLite, Keras H5', a: `${TINY}pretrainedResnet.tflite`, b: `${TINY}pretrainedResnet.h5`, reached: 3 },
  { network: 'KWS: float, INT8', a: `${TINY}kws_ref_model_float32.tflite`, b: `${TINY}kws_ref_model.tflite`, reached: 3, quantized: true },
  { network: 'AD: float, INT8', a: `${TINY}ad01_fp32.tflite`, b: `${TINY}ad01_int8.tflite`, reached: 3, quantized: true },
  // trained for integers, so that its weights are others
  { network: 'MobileNetV1 0.25: float, UINT8', a: `${MOBILE}float.tflite`, b: `${MOBILE}quant.tflite`, reached: 2, quantized: true },
  // convolutions are the same; Caffe's poolings round up, and those of the light models round down or pad
  {
    network: 'AlexNet: light, Caffe',
    a: `${LIGHT}bvlc_alexnet.onnx`,
    b: 'caffe/prototxt/alexnet.prototxt',
    reached: -1,
    says: /pads: n3 \(max_pool\)/,
    given: { b: images(224) },
  },
  {
    network: 'GoogLeNet: light, Caffe',
    a: `${LIGHT}inception_v1.onnx`,
    b: 'caffe/prototxt/googlenet.prototxt',
    reached: -1,
    says: /pads: n2 \(max_pool\)/,
  },
  { network: 'VGG19: light, Caffe', a: `${LIGHT}vgg19.onnx`, b: 'caffe/prototxt/vgg19.prototxt', reached: 2 },
  {
    network: 'VGG16: Caffe, MXNet',
    a: 'caffe/prototxt/vgg16.prototxt',
    b: 'mxnet/symbols/vgg16-symbol.json',
    reached: 2,
    given: { b: images(224) },
  },
  { network: 'VGG16: Caffe, Caffe', a: 'caffe/prototxt/vgg16.prototxt', b: 'caffe/prototxt/vgg16-soeaver.prototxt', reached: 2 },
  { network: 'VGG19: Caffe, Caffe', a: 'caffe/prototxt/vgg19.prototxt', b: 'caffe/prototxt/vgg19-soeaver.prototxt', reached: 2 },
  {
    network: 'ResNet-50: light, Caffe',
    a: `${LIGHT}resnet50.onnx`,
    b: 'caffe/prototxt/resnet50.prototxt',
    reached: -1,
    says: /pads: n3 \(max_pool\)/,
  },
  // the light model ends before its softmax
  {
    network: 'DenseNet-121: light, Caffe',
    a: `${LIGHT}densenet121.onnx`,
    b: 'caffe/prototxt/densenet121.prototxt',
    reached: -1,
    says: /prob softmax/,
  },
  // the last pooling of the MXNet model pads by 1, that of Caffe is over everything
  {
    network: 'Inception v3: Caffe, MXNet',
    a: 'caffe/prototxt/inception-v3.prototxt',
    b: 'mxnet/symbols/h2o-inception-v3-cpp.json',
    reached: -1,
    says: /global_pool average_pool/,
    given: { b: images(299) },
  },
  // the MXNet model begins with a batch norm of the picture
  {
    network: 'ResNet-152 v2: Caffe, MXNet',
    a: 'caffe/prototxt/resnet152-v2.prototxt',
    b: 'mxnet/symbols/resnet-152-symbol.json',
    reached: -1,
    says: /bn_data/,
    given: { b: images(224) },
  },
  {
    network: 'ResNet-152 v2: MXNet, MXNet',
    a: 'mxnet/symbols/resnet-152-symbol.json',
    b: 'mxnet/symbols/resnet-152-b-symbol.json',
    reached: 2,
    given: { a: images(224), b: images(224) },
  },
  {
    network: 'Inception-BN: MXNet, Inception v1',
    a: 'mxnet/symbols/Inception-BN-symbol.json',
    b: `${LIGHT}inception_v1.onnx`,
    reached: -1,
    given: { a: images(224) },
  },
  {
    network: 'Inception-BN: MXNet, h2o',
    a: 'mxnet/symbols/Inception-BN-symbol.json',
    b: 'mxnet/symbols/Inception_BN-h2o-symbol.json',
    reached: 2,
    given: { a: images(224), b: images(224) },
  },
  { network: 'ResNet-152: v1, v2', a: 'caffe/prototxt/resnet152.prototxt', b: 'caffe/prototxt/resnet152-v2.prototxt', reached: -1 },
  { network: 'CaffeNet, AlexNet', a: 'caffe/prototxt/caffenet.prototxt', b: 'caffe/prototxt/alexnet.prototxt', reached: -1 },
  { network: 'AlexNet, ZFNet', a: `${LIGHT}bvlc_alexnet.onnx`, b: `${LIGHT}zfnet512.onnx`, reached: -1 },
  {
    network: 'SqueezeNet: 1.0, 1.1',
    a: 'caffe/prototxt/squeezenet_v1.0.prototxt',
    b: 'caffe/prototxt/squeezenet_v1.1.prototxt',
    reached: -1,
  },
  {
    network: 'ResNeXt-101: 32x4d, 64x4d',
    a: 'caffe/prototxt/resnext101-cypw.prototxt',
    b: 'caffe/prototxt/resnext101-64x4d.prototxt',
    reached: -1,
  },
  { network: 'MobileNet v1: convolution, inner product', a: 'caffe/prototxt/mobilenet_v1.prototxt', b: 'ncnn/mobilenet.param', reached: 2 },
];
