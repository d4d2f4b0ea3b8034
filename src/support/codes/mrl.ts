import type { CodeInfo } from './info.ts';

/** MRL1xxx: text and syntax. MRL2xxx: names, kinds and ops. MRL3xxx: limits. */
export const mrlCodes = {
  MRL1001: {
    title: 'character that does not belong to the language',
    explain: 'Names that hold other characters than letters, digits, _ and . stand in backticks: `input:0`. Comments start with //.',
    exit: 3,
  },
  MRL1002: {
    title: 'string literal is not complete',
    explain: 'A string ends with " on its own line. Escapes: \\" \\\\ \\n \\r \\t \\{ \\}; {name} inserts a compile-time value.',
    exit: 3,
  },
  MRL1003: {
    title: 'unexpected word or sign',
    explain: 'The text does not follow the grammar (grammar/mrl.ebnf; diagrams in grammar/mrl.railroad.html).',
    exit: 3,
  },
  MRL1004: { title: 'text ends too early', explain: 'A block, a list or a statement is still open at the end of the file.', exit: 3 },
  MRL1005: {
    title: 'language version is missing or unknown',
    explain: 'A file starts with the version of the language it is written in: mrl 1;',
    exit: 3,
  },
  MRL1006: {
    title: 'number out of range',
    explain: 'Integers lie within -(2^53 - 1) and 2^53 - 1, floats within the range of float64. Infinity is written inf.',
    exit: 3,
  },
  MRL1007: { title: 'digest is malformed', explain: 'A blob is named by sha256: and 64 lower-case hexadecimal digits.', exit: 3 },
  MRL2001: {
    title: 'unknown name',
    explain:
      'A name is defined before it is used: by input, param, let, for or as an argument of the function. Output names are not values.',
    exit: 3,
  },
  MRL2002: {
    title: 'name defined twice',
    explain: 'A name is defined once in a function or model, inner blocks included. To replace its value, leave out let: x = relu(x);',
    exit: 3,
  },
  MRL2003: {
    title: 'value of the wrong kind',
    explain: 'The kinds are tensors and the compile-time int, float, bool, text, dtype and lists. Only int becomes float by itself.',
    exit: 3,
  },
  MRL2004: {
    title: 'unknown op or function',
    explain:
      'A call names an op (docs/ops.md), a function of the file, or a built-in: dim, rank, shape, channels, dtype, len, min, max, int, float, text.',
    exit: 3,
  },
  MRL2005: {
    title: 'arguments do not fit the call',
    explain: 'Operands of an op stand in order and attributes by name. Arguments of a function may stand in order or by name.',
    exit: 3,
  },
  MRL2006: { title: 'attribute is unknown or missing', explain: 'Every op declares its attributes (docs/ops.md).', exit: 3 },
  MRL2007: {
    title: 'compile-time arithmetic has no result',
    explain: 'A division by zero, an integer beyond 2^53 - 1, or a float that is not a number.',
    exit: 3,
  },
  MRL2008: {
    title: 'parameter has no data',
    explain:
      'A parameter without an initializer is looked up by name, one with blob by digest, in the parameter file given with the model.',
    exit: 3,
  },
  MRL2009: {
    title: 'data does not fit the parameter',
    explain: 'The data has the dtype, the shape and the range that the parameter declares, and a blob has the digest it is named by.',
    exit: 3,
  },
  MRL2010: { title: 'file does not hold one model', explain: 'A file holds exactly one model, beside any number of functions.', exit: 3 },
  MRL2011: {
    title: 'symbolic dimension used as a number',
    explain: 'A symbol has no value until it is bound. In reshape write 0 to copy the dimension, or -1 to infer it.',
    exit: 3,
  },
  MRL2012: {
    title: 'statement does not belong here',
    explain: 'input and output stand in the model. return is the last statement of a function.',
    exit: 3,
  },
  MRL2013: {
    title: 'number of names differs from the number of values',
    explain: 'let a, b = … takes a list or a call with exactly as many values.',
    exit: 3,
  },
  MRL2014: { title: 'function calls itself', explain: 'Functions are expanded, so a call cycle has no end. Use a for loop.', exit: 3 },
  MRL2015: { title: 'index out of range', explain: 'Lists and dimensions count from 0; negative indices count from the end.', exit: 3 },
  MRL2016: {
    title: 'type is unknown',
    explain: 'The dtypes are i8, i16, i32, u8, bool, f32 and i6; argument types are listed in docs/spec.md.',
    exit: 3,
  },
  MRL2101: {
    title: 'unknown variable or state of a graphical model',
    explain:
      'A variable is declared before it is used: variable Rain: {no, yes}; with the same indices: X[3] is another variable than X[4]. States are the names in its braces, or integers from 0 on.',
    exit: 3,
  },
  MRL2102: {
    title: 'table does not fit its factor',
    explain:
      'A table has one number for every combination of states, the variables behind the bar first, each in its order; it is flat or nested so. Without another form it holds probabilities: rows over the variables before the bar sum to 1. Other forms: potential (numbers from 0 on), log (natural logarithms, or an i32 tensor in Q12).',
    exit: 3,
  },
  MRL2103: {
    title: 'conditional tables form a cycle',
    explain:
      'A variable cannot be conditioned on itself, directly or through others. Factors without direction are written with : potential.',
    exit: 3,
  },
  MRL2104: {
    title: 'factor or evidence given twice',
    explain:
      'A variable has one table of probabilities and one piece of evidence; potentials over the same variables have different names.',
    exit: 3,
  },
  MRL2105: {
    title: 'query has no answer',
    explain:
      'A query is marginal X, Y or map or map X, Y or evidence, about variables that stand in a factor and have no known state. It sees the factors and the evidence above it.',
    exit: 3,
  },
  MRL3001: { title: 'text is nested too deeply', explain: 'Brackets and blocks nest up to 64 levels.', exit: 5 },
  MRL3002: { title: 'program has too many nodes', explain: 'A file elaborates to at most 200,000 nodes and 1,000,000 values.', exit: 5 },
  MRL3003: { title: 'elaboration takes too many steps', explain: 'Loops and calls expand to at most 5,000,000 steps.', exit: 5 },
  MRL3004: { title: 'calls are nested too deeply', explain: 'Functions call each other up to 64 levels deep.', exit: 5 },
  MRL3005: { title: 'file is too large', explain: 'A file has at most 64 MiB. Large parameters belong into blobs.', exit: 5 },
  MRL3006: {
    title: 'list, text or file holds too much',
    explain: 'At most 4,000,000 words and signs a file, 1,000,000 elements and 8 levels a list, 4,096 characters a text.',
    exit: 5,
  },
  MRL3008: {
    title: 'table of a graphical model is too large',
    explain:
      'Factors and the tables that eliminating a variable makes have at most 8 variables and 2^24 entries. The order is min-fill, ties to the variable declared first; a network of larger treewidth needs more evidence or smaller factors.',
    exit: 5,
  },
  MRL3007: {
    title: 'generated parameters are too large',
    explain: 'Parameters from fill, random or unbound ones take at most 2 GiB together.',
    exit: 5,
  },
} as const satisfies Record<string, CodeInfo>;
