import type { CodeInfo } from './info.ts';

export const simCodes = {
  SIM0001: {
    title: 'similarity cannot be measured',
    explain:
      'Models are compared in normal form, which needs numbers as dimensions: bind symbolic ones with --bind. A model that takes more rewriting ' +
      'than its size explains is not compared either.',
    exit: 3,
  },
  SIM0002: {
    title: 'file is no index of models',
    explain:
      'An index is what cortexc index add writes. Its sizes, or something that was read of it, cannot be: the file is another one, or was cut or changed. ' +
      'Make it anew from the models.',
    exit: 3,
  },
  SIM0003: {
    title: 'index is full',
    explain: 'An index holds up to 2,097,152 layers of all its models. Begin another one; each answers by itself.',
    exit: 5,
  },
  SIM0004: {
    title: 'model has no layers to remember',
    explain:
      'An index remembers models by the weights of their convolutions and dense layers, and this model has none that are constant. Compare it with others by ' +
      'cortexc similarity or cortexc iso.',
    exit: 3,
  },
} as const satisfies Record<string, CodeInfo>;
