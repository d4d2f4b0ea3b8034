import type { ArgumentType } from './builtins.ts';
import { float, isNumber, type Value } from './values.ts';

const every = (v: Value, test: (item: Value) => boolean): boolean => v.kind === 'list' && v.items.every(test);

/** The value as an argument of this type; undefined when it is of another kind. Only int becomes float. */
export const convertArgument = (type: ArgumentType, v: Value): Value | undefined => {
  switch (type) {
    case 'tensor':
    case 'int':
    case 'bool':
    case 'text':
    case 'dtype':
    case 'list':
      return v.kind === type ? v : undefined;
    case 'float':
      return isNumber(v) ? float(v.value) : undefined;
    case 'tensors':
      return every(v, (item) => item.kind === 'tensor') ? v : undefined;
    case 'ints':
      return every(v, (item) => item.kind === 'int') ? v : undefined;
    case 'floats':
      return every(v, isNumber) && v.kind === 'list'
        ? { ...v, items: v.items.map((item) => (isNumber(item) ? float(item.value) : item)) }
        : undefined;
    default:
      return type satisfies never;
  }
};
