/** Bounds on what a text may cost, so that hostile text ends in a diagnostic. Named in docs/spec.md §6. */
export const LIMITS = {
  /** UTF-16 code units of a file. */
  fileLength: 64 * 2 ** 20,
  /** Words and signs of a file. */
  tokens: 4_000_000,
  /** Open brackets of any kind at one place. */
  nesting: 64,
  /** Nodes of the elaborated program. */
  nodes: 200_000,
  /** Inputs, parameters and results of the elaborated program. */
  values: 1_000_000,
  /** Statements, expressions and list elements evaluated; an iteration counts five, a call of a function ten. */
  steps: 5_000_000,
  /** Statements, calls and expressions within each other while elaborating, function bodies included. */
  depth: 400,
  /** Calls within calls. */
  callDepth: 64,
  /** Elements of a list. */
  listLength: 1_000_000,
  /** Lists within lists. */
  listDepth: 8,
  /** Code units of a text value. */
  textLength: 4096,
  /** Bytes of all parameters made by fill, random or for unbound names. */
  generatedBytes: 2 * 2 ** 30,
  /** Diagnostics listed. */
  diagnostics: 1000,
} as const;
