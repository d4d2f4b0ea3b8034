import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import protobuf from 'protobufjs';

const ROOT = join(import.meta.dirname, '..', '..', '..');

/** One node of a test model. */
interface TestNode {
  readonly op: string;
  readonly name: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly domain?: string;
}

/** An ONNX model of float tensors: inputs and outputs by name and shape, text for symbolic dimensions. */
export const onnxModel = (
  nodes: readonly TestNode[],
  inputs: Readonly<Record<string, readonly (number | string)[]>>,
  outputs: Readonly<Record<string, readonly (number | string)[]>>,
  external?: { readonly name: string; readonly shape: readonly number[]; readonly location: string },
): Uint8Array => {
  const { root } = protobuf.parse(readFileSync(join(ROOT, 'grammar', 'onnx.proto'), 'utf8'));
  const type = root.lookupType('onnx.ModelProto');
  const ports = (all: Readonly<Record<string, readonly (number | string)[]>>) =>
    Object.entries(all).map(([name, shape]) => ({
      name,
      type: { tensorType: { elemType: 1, shape: { dim: shape.map((d) => (typeof d === 'number' ? { dimValue: d } : { dimParam: d })) } } },
    }));
  const model = {
    irVersion: 8,
    opsetImport: [{ domain: '', version: 17 }],
    graph: {
      name: 'test',
      node: nodes.map((n) => ({
        opType: n.op,
        name: n.name,
        input: n.inputs,
        output: n.outputs,
        ...(n.domain === undefined ? {} : { domain: n.domain }),
      })),
      input: ports(inputs),
      output: ports(outputs),
      initializer:
        external === undefined
          ? []
          : [
              {
                name: external.name,
                dims: external.shape,
                dataType: 1,
                dataLocation: 1,
                externalData: [{ key: 'location', value: external.location }],
              },
            ],
    },
  };
  return new Uint8Array(type.encode(type.fromObject(model)).finish());
};
