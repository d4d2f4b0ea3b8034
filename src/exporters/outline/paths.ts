import type { AnyNode, Program, ValueId } from '../../ir/index.ts';

/** What frameworks put behind the name of a layer to name its tensors. */
const TENSOR_ENDINGS: readonly RegExp[] = [
  /[./](weight|bias|running_mean|running_var|num_batches_tracked|gamma|beta|moving_mean|moving_variance|kernel|alpha|scales?|zero)$/i,
  /[./](depthwise_kernel|pointwise_kernel|recurrent_kernel|depthwise_weights|weights|biases)$/i,
  /_(gamma|beta|moving_mean|moving_var|weight|bias|scale|mean|variance|var|riv|rm|w|b|s)(_\d+)?$/,
  /[/](ReadVariableOp|read|resource)(_\d+)?$/,
  /:\d+$/,
];

/** Names of operators, as they stand at the end of a node's name. */
const OPERATOR =
  /^(conv\w*|convolution|gemm|matmul|relu\w*|bias_?add|fusedbatchnorm\w*|batchnorm\w*|batch_norm|depthwise\w*|add\w*|mul|sub|div|pad|concat\w*|reshape|transpose|softmax|sigmoid|tanh|clip|maxpool\w*|averagepool\w*|avgpool\w*|max_pool\w*|globalaveragepool|flatten|mean|reducemean|dropout|identity|squeeze|unsqueeze|slice|split|shape|gather|constant|cast|expand|pow|sqrt|erf|exp|log|leakyrelu|prelu|elu|resize|upsample|quantizelinear|dequantizelinear|lstm|gru|rnn|where|equal|tile|n|node|op|layer|fill)[_.#-]?\d*$/i;

const isNumber = (part: string): boolean => /^\d+$/.test(part);

/** Names of a tensor or node as their parts, from the outside in; nothing where the name says nothing. */
const partsOf = (name: string): readonly string[] => {
  const last = name.split(';').at(-1) ?? name;
  if (last.includes('::') || last.includes('->')) return [];
  const parts: string[] = [];
  for (const part of last.split('/').filter((p) => p !== '')) {
    // torch names a module by its whole path within its parent: /layer1/layer1.0/conv1
    const before = parts.at(-1);
    // TensorFlow repeats the outermost scope
    if (part === before) continue;
    const own = before !== undefined && part.startsWith(`${before}.`) ? part.slice(before.length + 1) : part;
    parts.push(...own.split('.').filter((p) => p !== ''));
  }
  return parts;
};

const withoutEnding = (name: string): string => {
  let short = name;
  for (let changed = true; changed; ) {
    changed = false;
    for (const ending of TENSOR_ENDINGS) {
      const next = short.replace(ending, '');
      if (next !== short && next !== '') {
        short = next;
        changed = true;
      }
    }
  }
  return short;
};

/** A path says something when one of its parts is a word. */
const orNothing = (parts: readonly string[]): readonly string[] | undefined =>
  parts.some((p) => !isNumber(p) && /[a-z]/i.test(p)) ? parts : undefined;

const ofParameter = (name: string): readonly string[] | undefined => {
  const short = withoutEnding(name);
  const parts = partsOf(short);
  // a name without an ending is that of the tensor alone: `22`, `Parameter5`
  const last = parts.at(-1);
  if (last === undefined || (short === name && (parts.length < 2 || isNumber(last)))) return undefined;
  return orNothing(short === name && OPERATOR.test(last) ? parts.slice(0, -1) : parts);
};

const ofOrigin = (origin: string): readonly string[] | undefined => {
  const parts = partsOf(withoutEnding(origin));
  const last = parts.at(-1);
  if (last === undefined) return undefined;
  // conv1 is a name that a person gave, Conv_12 and n12 are not
  const generated =
    OPERATOR.test(last) && (parts.length > 1 || /[_#.-]\d+$|^(n|node|op|fill)\d*$/i.test(last) || /^[A-Z]/.test(last) || !/\d/.test(last));
  return orNothing(generated ? parts.slice(0, -1) : parts);
};

const BROADCASTS: ReadonlySet<string> = new Set(['add', 'sub', 'mul', 'div', 'maximum', 'minimum', 'pow']);

const commonLength = (paths: readonly (readonly string[])[]): number => {
  const [first] = paths;
  if (first === undefined || paths.length < 2) return 0;
  let length = Math.min(...paths.map((p) => p.length - 1));
  for (const path of paths) {
    let same = 0;
    while (same < length && path[same] === first[same]) same++;
    length = same;
  }
  return length;
};

/** `bn2a_branch2a` and `scale2a_branch2a` belong to the layer `res2a_branch2a`, `bn_conv1` to `conv1`: its name, if there is one. */
const normalizes = (name: string, names: ReadonlySet<string>): string | undefined => {
  const rest = /^(?:bn|scale|batchnorm|batch_norm)_?(.+)$/i.exec(name)?.[1];
  if (rest === undefined) return undefined;
  if (names.has(rest)) return rest;
  return ['res', 'conv', 'fc', 'dense'].map((prefix) => prefix + rest).find((n) => n !== name && names.has(n));
};

/** Where nothing has two parts, `res2a_branch2a` is taken apart at `_`, if several layers begin alike. */
const underscored = (paths: readonly (readonly string[] | undefined)[]): readonly (readonly string[] | undefined)[] => {
  if (paths.some((p) => p !== undefined && p.length > 1)) return paths;
  const all = new Set(paths.flatMap((p) => p?.[0] ?? []));
  const named = paths.map((p) => {
    const name = p?.[0];
    const layer = name === undefined ? undefined : normalizes(name, all);
    return layer === undefined ? name : `${layer}_bn`;
  });
  const heads = new Map<string, Set<string>>();
  for (const name of named) {
    if (name === undefined || !name.includes('_')) continue;
    const head = headOf(name);
    heads.set(head, (heads.get(head) ?? new Set()).add(name));
  }
  const isModule = (head: string): boolean => (heads.get(head)?.size ?? 0) > 2;
  return named.map((name, i) => {
    if (name === undefined) return paths[i];
    // what is called as a module is in it
    if (isModule(name)) return [name, ''];
    const head = headOf(name);
    return isModule(head) && head !== name ? [head, name.slice(head.length + 1)] : [name];
  });
};

/** `res2_0` of `res2_0_branch2a`, `res2a` of `res2a_branch2a`. */
const headOf = (name: string): string => /^([^_]+_\d+|[^_]+)_/.exec(name)?.[1] ?? name;

/**
 * The place of each node in the tree of modules that the source's names show: from the outside in, the last part its own name,
 * or empty. Undefined where names say nothing.
 * @param parameters - values that are parameters, also those that were computed from parameters, with their names
 */
export const nodePaths = (program: Program, parameters: ReadonlyMap<ValueId, string>): readonly (readonly string[] | undefined)[] => {
  const found = (program.nodes as readonly AnyNode[]).map((node) => {
    const named = node.operands
      .flatMap((v) => parameters.get(v) ?? [])
      .map(ofParameter)
      .find((p) => p !== undefined);
    const own = node.origin === undefined ? undefined : ofOrigin(node.origin);
    // what is added or multiplied has names of many kinds: its module counts, not its name
    if (BROADCASTS.has(node.op)) return own ?? (named === undefined ? undefined : [...named.slice(0, -1), '']);
    return named ?? own;
  });
  const known = found.filter((p) => p !== undefined);
  const cut = commonLength(known);
  return underscored(found.map((p) => p?.slice(cut)));
};
