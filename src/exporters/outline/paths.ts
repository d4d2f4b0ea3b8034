import type { AnyNode, Program, ValueId } from '../../ir/index.ts';
import { at } from '../../support/index.ts';

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
  // conv1 is a name that a person gave, Conv_12, n12 and MXNet's _plus12 are not
  if (/^_[a-z]+_?\d+$/.test(last)) return orNothing(parts.slice(0, -1));
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
  // bn1 and fc1 may be first of their kinds without belonging together
  if (isNumber(rest)) return undefined;
  return ['res', 'conv', 'conv_', 'fc', 'dense'].map((prefix) => prefix + rest).find((n) => n !== name && names.has(n));
};

/** Names of layers at a place, as [head, ...], [head, rest] or [name]: `head` is a module there. */
const splitNames = (
  names: readonly string[],
  headOf: (name: string) => string,
  isModule: (head: string) => boolean,
): ReadonlyMap<string, readonly [string] | readonly [string, string]> =>
  new Map(
    names.map((name): [string, readonly [string] | readonly [string, string]] => {
      // what is called as a module is in it
      if (isModule(name)) return [name, [name, '']];
      const head = headOf(name);
      return [name, isModule(head) && head !== name ? [head, name.slice(head.length + 1)] : [name]];
    }),
  );

/** How many layers a module has at least. */
const FEWEST_MEMBERS = 3;

const byHead = (names: readonly string[], headOf: (name: string) => string): ReadonlyMap<string, ReadonlySet<string>> => {
  const heads = new Map<string, Set<string>>();
  for (const name of names) {
    if (!name.includes('_')) continue;
    const head = headOf(name);
    heads.set(head, (heads.get(head) ?? new Set()).add(name));
  }
  return heads;
};

/** The words before the number of `unit3`, `a2`, `3b` and `0`; undefined where there is no such number. */
const numberedStem = (part: string): string | undefined => /^([A-Za-z]*)\d+[a-z]?$/.exec(part)?.[1];

const firstPart = (name: string): string => name.split('_', 1)[0] ?? name;

/** Modules among the members of one: parts with a number, of which there are several, that are not names of layers themselves. */
const numberedModules = (members: readonly string[]): ReadonlySet<string> => {
  const own = new Set(members);
  const heads = [...byHead(members, firstPart)]
    .filter(([head, inside]) => inside.size >= FEWEST_MEMBERS && !own.has(head) && numberedStem(head) !== undefined)
    .map(([head]) => head);
  const count = (stem: string | undefined): number => heads.filter((h) => numberedStem(h) === stem).length;
  return new Set(heads.filter((h) => count(numberedStem(h)) > 1));
};

/**
 * Names that stand beside one another as paths: `stage3_unit5_conv2` is conv2 in unit5 in stage3, `inception_a1_1x1` is 1x1 in
 * inception_a1, for modules are numbered.
 */
const pathsOfNames = (names: readonly string[]): ReadonlyMap<string, readonly string[]> => {
  const heads = byHead(names, headOf);
  const isModule = (head: string): boolean => (heads.get(head)?.size ?? 0) >= FEWEST_MEMBERS;
  const paths = new Map<string, readonly string[]>(splitNames(names, headOf, isModule));
  for (const [head, inside] of heads) {
    if (!isModule(head)) continue;
    const rests = [...inside].map((name) => name.slice(head.length + 1));
    const inner = numberedModules(rests);
    if (inner.size === 0) continue;
    for (const [rest, parts] of splitNames(rests, firstPart, (part) => inner.has(part))) {
      const name = `${head}_${rest}`;
      const [part, last] = parts;
      if (/\d/.test(head)) paths.set(name, [head, ...parts]);
      else paths.set(name, last === undefined ? [name] : [`${head}_${part}`, last]);
    }
  }
  return paths;
};

/**
 * Where nothing has two parts, names are taken apart at `_`, if several layers begin alike.
 * @param isLayer - whether the node has parameters: where none in a module has, as in `relu` of `relu_3a` and `relu_3b`, what is
 * before and behind them says where they are
 */
const underscored = (
  paths: readonly (readonly string[] | undefined)[],
  isLayer: (node: number) => boolean,
): readonly (readonly string[] | undefined)[] => {
  if (paths.some((p) => p !== undefined && p.length > 1)) return paths;
  const all = new Set(paths.flatMap((p) => p?.[0] ?? []));
  const named = paths.map((p) => {
    const name = p?.[0];
    const layer = name === undefined ? undefined : normalizes(name, all);
    return layer === undefined ? name : `${layer}_bn`;
  });
  const found = pathsOfNames([...new Set(named.flatMap((name) => name ?? []))]);
  const split = named.map((name) => (name === undefined ? undefined : found.get(name)));
  const withLayers = new Set(split.flatMap((path, i) => (path !== undefined && path.length > 1 && isLayer(i) ? [at(path, 0)] : [])));
  const byNumber = new Map([...withLayers].map((head) => [/_([^_]+)$/.exec(head)?.[1] ?? '', head]));
  return split.map((path, i) => {
    if (path === undefined || isLayer(i)) return path;
    // ch_concat_3a_chconcat belongs to what is called conv_3a
    const numbers = path
      .join('_')
      .split('_')
      .filter((part) => part !== '' && numberedStem(part) !== undefined);
    const head = numbers.flatMap((n) => byNumber.get(n) ?? [])[0];
    if (head !== undefined && path[0] !== head) return [head, ''];
    return path.length < 2 || withLayers.has(at(path, 0)) ? path : undefined;
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
  const hasParameters = (program.nodes as readonly AnyNode[]).map((node) => node.operands.some((v) => parameters.has(v)));
  return underscored(
    found.map((p) => p?.slice(cut)),
    (i) => hasParameters[i] === true,
  );
};
