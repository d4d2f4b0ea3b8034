/** Words that Python keeps, and names that the generated files use themselves. */
const KEPT = new Set(
  (
    'False None True and as assert async await break class continue def del elif else except finally for from global if import in is lambda ' +
    'nonlocal not or pass raise return try while with yield match case type print len range list tuple int float bool max min sum abs round ' +
    'self super torch nn F np math ops layers keras weights name'
  ).split(' '),
);
/** What every module of PyTorch has under these names already. */
const MODULE_ATTRIBUTES = new Set(
  (
    'forward train eval training apply children modules parameters buffers half float double cpu cuda to compile extra_repr register_buffer ' +
    'add_module state_dict share_memory zero_grad requires_grad_ dump_patches call_super_init bfloat16 ipu xpu mtia'
  ).split(' '),
);

/** An identifier as near to the wanted name as Python allows; `prefix` goes before a digit. */
export const identifier = (wanted: string, prefix = '_'): string => {
  const clean = wanted
    .replace(/[^A-Za-z0-9_]+/g, '_')
    .replace(/^_+(?=.)/, '')
    .replace(/(?<=.)_+$/, '');
  const begun = /^[A-Za-z_]/.test(clean) ? clean : `${prefix}${clean}`;
  return KEPT.has(begun) || MODULE_ATTRIBUTES.has(begun) ? `${begun}_` : begun;
};

/** `inception_3a` as `Inception3a`. */
export const camelCase = (words: string): string => {
  const joined = words
    .split(/[^A-Za-z0-9]+/)
    .filter((w) => w !== '')
    .map((w) => w.charAt(0).toUpperCase() + w.slice(1))
    .join('');
  return /^[A-Za-z]/.test(joined) ? joined : `Model${joined}`;
};

/** `ResBlock` as `res_block`. */
export const snakeCase = (name: string): string => identifier(name.replace(/([a-z0-9])([A-Z])/g, '$1_$2').toLowerCase());

/** A string literal of Python. */
export const quoted = (text: string): string =>
  JSON.stringify(text).replace(/[\u007f-\uffff]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`);

/** A number as Python reads it: the shortest text of the double; infinities and NaN by name. */
export const number = (value: number): string => {
  if (Number.isNaN(value)) return 'float("nan")';
  if (!Number.isFinite(value)) return value > 0 ? 'float("inf")' : 'float("-inf")';
  return Object.is(value, -0) ? '-0.0' : String(value);
};

/** A float literal of a float32: the shortest decimal that is nearest to it alone among the float32. */
export const float = (value: number): string => {
  if (!Number.isFinite(value) || Object.is(value, -0)) return number(value);
  for (let digits = 1; digits <= 9; digits++) {
    const text = value.toPrecision(digits);
    if (Math.fround(Number(text)) === value) {
      const short = String(Number(text));
      return /[.e]/.test(short) ? short : `${short}.0`;
    }
  }
  return number(value);
};

/** A tuple; one entry keeps its comma. */
export const tuple = (values: readonly (number | string)[]): string => (values.length === 1 ? `(${values[0]},)` : `(${values.join(', ')})`);
