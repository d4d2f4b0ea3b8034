/** Functions over compile-time values and types. Their names differ from all op names (tested). */
export const BUILTINS = {
  dim: { parameters: ['x', 'index'], help: 'size of one dimension of a tensor; negative indices count from the end' },
  rank: { parameters: ['x'], help: 'number of dimensions of a tensor' },
  shape: { parameters: ['x'], help: 'sizes of a tensor as a list' },
  channels: { parameters: ['x'], help: 'size of dimension 1 of a tensor' },
  dtype: { parameters: ['x'], help: 'element type of a tensor' },
  len: { parameters: ['list'], help: 'number of elements of a list' },
  min: { parameters: ['a', '...rest'], help: 'least of numbers' },
  max: { parameters: ['a', '...rest'], help: 'greatest of numbers' },
  int: { parameters: ['x'], help: 'a float cut to its integer part' },
  float: { parameters: ['x'], help: 'an integer as a float' },
  text: { parameters: ['x'], help: 'a value as text' },
} as const satisfies Readonly<Record<string, { readonly parameters: readonly string[]; readonly help: string }>>;
export type Builtin = keyof typeof BUILTINS;
export const isBuiltin = (name: string): name is Builtin => Object.hasOwn(BUILTINS, name);

/** Least and greatest number of arguments. */
export const builtinArity = (name: Builtin): { readonly min: number; readonly max: number } => {
  const { parameters } = BUILTINS[name];
  const variadic = parameters.some((p) => p.startsWith('...'));
  return { min: variadic ? parameters.length - 1 : parameters.length, max: variadic ? Number.POSITIVE_INFINITY : parameters.length };
};

/** Initializers of parameters: they stand behind `=` of param only. */
export const GENERATORS = {
  fill: { parameters: ['value'], help: 'every element is value' },
  random: { parameters: ['seed', 'lo', 'hi'], help: 'uniform from lo to hi by Philox4x32-10 with the key seed' },
} as const satisfies Readonly<Record<string, { readonly parameters: readonly string[]; readonly help: string }>>;
export type Generator = keyof typeof GENERATORS;
export const isGenerator = (name: string): name is Generator => Object.hasOwn(GENERATORS, name);

/** Types of compile-time arguments of functions. */
export const ARGUMENT_TYPES = ['tensor', 'tensors', 'int', 'float', 'bool', 'text', 'dtype', 'ints', 'floats', 'list'] as const;
export type ArgumentType = (typeof ARGUMENT_TYPES)[number];
export const isArgumentType = (name: string): name is ArgumentType => (ARGUMENT_TYPES as readonly string[]).includes(name);

/** The argument that names what a call adds: not a name of a function's own arguments. */
export const LABEL = 'label';
