import { ok, type Result, sha256Hex } from '../../support/index.ts';
import { OWN_DIGESTS } from './own-digests.ts';
import { type AttributeProto, decodeModel, type FunctionProto, int64 } from './schema.ts';

/**
 * Functions that exported models hold for ops that ONNX has no operator for (docs/exporters.md). A call of one is read as the op, if
 * the file has the function as it is written by the exporter; a function of the same name with another body is inlined as any other.
 */
export const OWN_DOMAIN = 'cortexc';

/** The op that a function of our domain stands for: its name up to the form. */
export const opOfFunction = (name: string): string => name.split('__')[0] ?? name;

const utf8 = (bytes: Uint8Array): string => new TextDecoder().decode(Uint8Array.from(bytes));

const attributeText = (a: AttributeProto): string => {
  const tensor =
    a.t === undefined || a.t === null
      ? ''
      : `${a.t.dataType}[${a.t.dims.join()}]${sha256Hex(a.t.rawData ?? new Uint8Array())}${a.t.intData?.join() ?? ''}`;
  const lists = [a.floats.join(), a.ints.map(int64).join(), a.strings.map(utf8).join()];
  return `${a.name}:${a.type}=${a.refAttrName}|${a.f}|${int64(a.i)}|${utf8(a.s)}|${tensor}|${lists.join('|')}`;
};

/** All that decides on what a function computes, as SHA-256 of a text. */
const functionDigest = (f: FunctionProto): string => {
  const nodes = f.node.map(
    (n) => `${n.output.join()}=${n.domain}.${n.opType}(${n.input.join()}){${n.attribute.map(attributeText).join(';')}}`,
  );
  const opsets = f.opsetImport.map((o) => `${o.domain}${int64(o.version)}`);
  const defaults = f.attributeProto.map(attributeText);
  const head = [f.input.join(), f.output.join(), f.attribute.join(), defaults.join(), opsets.join()];
  return sha256Hex([...head, ...nodes].join('\n'));
};

/** Digests of the functions of a model, by name. */
export const functionDigests = (model: Uint8Array): Result<Readonly<Record<string, string>>> => {
  const decoded = decodeModel(model);
  return decoded.ok ? ok(Object.fromEntries(decoded.value.functions.map((f) => [f.name, functionDigest(f)]))) : decoded;
};

export const isOwnFunction = (f: FunctionProto): boolean =>
  f.domain === OWN_DOMAIN && f.overload === '' && OWN_DIGESTS[f.name] === functionDigest(f);
