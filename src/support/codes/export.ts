import type { CodeInfo } from './info.ts';

export const exportCodes = {
  EXP0001: {
    title: 'op cannot be exported to this framework',
    explain:
      'The framework has no operator that computes the op, and none that it could be composed of exactly. The message says why; docs/support-matrix.md ' +
      'lists all ops. Export to another framework, or emit sources for a backend: cortexc emit --target c takes every op.',
    exit: 4,
  },
  EXP0002: {
    title: 'op can be exported, but not with this attribute, dtype or shape',
    explain: 'The message names the op, what it is used with, and why the framework cannot do the same.',
    exit: 4,
  },
  EXP0003: {
    title: 'name is changed in the exported model',
    explain: 'The framework allows fewer characters in names, or wants each only once. Only the name differs.',
    exit: 1,
  },
  EXP0004: {
    title: 'exported model is not exact',
    explain: 'The model computes the same up to what the message says. Nothing else differs.',
    exit: 1,
  },
} as const satisfies Record<string, CodeInfo>;
