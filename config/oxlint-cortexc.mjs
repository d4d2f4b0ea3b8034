// Lint rules of this code base that oxlint does not have. Loaded by .oxlintrc.json ("jsPlugins").

/** Math functions whose last bit differs between engines. Use src/ir/numeric instead. */
const INEXACT_MATH = new Set([
  'acos',
  'acosh',
  'asin',
  'asinh',
  'atan',
  'atan2',
  'atanh',
  'cbrt',
  'cos',
  'cosh',
  'exp',
  'expm1',
  'hypot',
  'log',
  'log10',
  'log1p',
  'log2',
  'pow',
  'sin',
  'sinh',
  'tan',
  'tanh',
]);
const BANNED_GLOBALS = new Map([
  ['Date', 'the clock'],
  ['Intl', 'the locale'],
  ['performance', 'the clock'],
]);
const BANNED_METHODS = new Map([
  ['localeCompare', 'compare code units instead'],
  ['toLocaleString', 'use String()'],
  ['toLocaleLowerCase', 'use toLowerCase()'],
  ['toLocaleUpperCase', 'use toUpperCase()'],
]);

const propertyName = (node) =>
  !node.computed && node.property.type === 'Identifier'
    ? node.property.name
    : node.property.type === 'Literal'
      ? String(node.property.value)
      : undefined;

/** `2 ** 31` and bigint powers are exact everywhere. */
const isExactPower = ({ left, right }) =>
  typeof right.value === 'bigint' || typeof left.value === 'bigint' || (left.value === 2 && Number.isInteger(right.value));

/** `throw new Error(...)` says nothing a caller can act on: use Result, invariant() or MrlError. */
const noBareError = {
  meta: { type: 'problem' },
  create(context) {
    const check = (node) => {
      if (node.callee.type === 'Identifier' && node.callee.name === 'Error') {
        context.report({ node, message: 'Bare Error. Return a Result, call invariant(), or throw MrlError with a code (src/support).' });
      }
    };
    return { NewExpression: check, CallExpression: check };
  },
};

/** On the consensus path the same input gives the same bytes on every machine. */
const determinism = {
  meta: { type: 'problem' },
  create(context) {
    return {
      MemberExpression(node) {
        const name = propertyName(node);
        if (name === undefined) return;
        if (node.object.type === 'Identifier' && node.object.name === 'Math') {
          if (name === 'random')
            context.report({ node, message: 'Math.random differs from run to run: use the seeded RNG of src/ir/numeric.' });
          if (INEXACT_MATH.has(name)) {
            context.report({ node, message: `Math.${name} differs between engines in the last bit: use src/ir/numeric.` });
          }
        }
        const remedy = BANNED_METHODS.get(name);
        if (remedy !== undefined) context.report({ node, message: `${name} depends on the locale: ${remedy}.` });
      },
      BinaryExpression(node) {
        if (node.operator !== '**' || isExactPower(node)) return;
        context.report({ node, message: '** is Math.pow, which differs between engines: multiply, or use src/ir/numeric.' });
      },
      Identifier(node) {
        const what = BANNED_GLOBALS.get(node.name);
        if (what === undefined) return;
        const parent = node.parent;
        if (parent?.type === 'MemberExpression' && parent.property === node && !parent.computed) return;
        if (parent?.type === 'Property' && parent.key === node && !parent.computed) return;
        if (parent?.type.startsWith('TS') && parent.type !== 'TSNonNullExpression') return;
        context.report({ node, message: `${node.name} reads ${what}, so the result is not a function of the input.` });
      },
    };
  },
};

export default {
  meta: { name: 'cortexc' },
  rules: { 'no-bare-error': noBareError, determinism },
};
