import type { Tensor, ValueId } from '../../ir/index.ts';

/** A value of the program where an expression uses it. */
export interface ValueRef {
  readonly kind: 'value';
  readonly value: ValueId;
  /** Dimension i of what is meant is dimension perm[i] of the value as it is stored; absent: as it is stored. */
  readonly perm?: readonly number[];
}

/** A literal that equal blocks may differ in: it becomes a parameter of their class then. */
export interface Slot {
  readonly kind: 'slot';
  /** What the parameter is called, such as `out_channels`. */
  readonly hint: string;
  readonly text: string;
  /** Written before the literal; both are left out where the literal is the default. */
  readonly before?: string;
  readonly default?: string;
}

/** What field `index` of the step is called. */
export interface FieldRef {
  readonly kind: 'field';
  readonly index: number;
}

type Part = string | ValueRef | Slot | FieldRef;

/** A piece of generated Python. */
export type Code = readonly Part[];

/** Python text with values, slots and fields in it. */
export const py = (texts: TemplateStringsArray, ...parts: readonly (string | number | Part | Code)[]): Code =>
  texts.flatMap((text, i): Part[] => {
    const part = parts[i];
    const own = text === '' ? [] : [text];
    if (part === undefined) return own;
    if (typeof part === 'number') return [...own, String(part)];
    return [...own, ...(Array.isArray(part) ? (part as Code) : [part as Part])];
  });

export const joinCode = (codes: readonly Code[], between: string): Code =>
  codes.flatMap((code, i) => (i === 0 ? code : [between, ...code]));

/** A slot that is always written. */
export const slot = (hint: string, text: string | number): Slot => ({ kind: 'slot', hint, text: String(text) });

/** A keyword argument that is left out where it has its default. */
export const option = (name: string, text: string | number, standard: string | number): Slot => ({
  kind: 'slot',
  hint: name,
  text: String(text),
  before: `, ${name}=`,
  default: String(standard),
});

export const field = (index: number): FieldRef => ({ kind: 'field', index });

/** Something that a block owns: a layer, or a tensor. */
export interface Field {
  /** Its name where the source has none, such as `conv`. */
  readonly leaf: string;
  /** The expression that makes it; has no values. */
  readonly make: Code;
  /** The framework's names of its tensors, and the tensors in its form; the name is empty where the field is the tensor. */
  readonly tensors: readonly { readonly key: string; readonly tensor: Tensor }[];
  /** A tensor and not a layer. */
  readonly isTensor?: boolean;
}

/** What a row makes of a node: one statement. */
export interface Step {
  readonly fields: readonly Field[];
  readonly code: Code;
  /** The call of the first field with one operand and nothing else around it: may stand in a sequence. */
  readonly isCall?: boolean;
  /** The step as a layer without tensors, for sequences. */
  readonly module?: string;
  /** Functions of the model file that the code calls. */
  readonly helpers?: readonly string[];
}

/** Whether what stands between these parts is an argument of its own, so that an operator in it needs no brackets. */
const standsAlone = (before: Part | undefined, after: Part | undefined): boolean =>
  (before === undefined || (typeof before === 'string' && /[([,] ?$/.test(before))) &&
  (after === undefined || (typeof after === 'string' && /^[)\],]/.test(after)));

/**
 * Renders code by the given names.
 * @param names.value - gets whether the value is an argument of its own
 */
export const render = (
  code: Code,
  names: {
    readonly value?: (ref: ValueRef, alone: boolean) => string;
    readonly slot?: (slot: Slot) => string | undefined;
    readonly field?: (index: number) => string;
  },
): string =>
  code
    .map((part, i) => {
      if (typeof part === 'string') return part;
      switch (part.kind) {
        case 'value':
          return names.value?.(part, standsAlone(code[i - 1], code[i + 1])) ?? `%${part.value}`;
        case 'field':
          return names.field?.(part.index) ?? `#${part.index}`;
        case 'slot': {
          const parameter = names.slot?.(part);
          if (parameter === undefined && part.text === part.default) return '';
          return `${part.before ?? ''}${parameter ?? part.text}`;
        }
        default:
          return part satisfies never;
      }
    })
    .join('');

export const slotsOf = (code: Code): readonly Slot[] =>
  code.filter((part): part is Slot => typeof part === 'object' && part.kind === 'slot');
export const valuesOf = (code: Code): readonly ValueRef[] =>
  code.filter((part): part is ValueRef => typeof part === 'object' && part.kind === 'value');
