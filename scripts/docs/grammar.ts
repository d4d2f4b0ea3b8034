import type { ISerializedGast } from 'chevrotain';

/** The grammar as a tree that both the EBNF printer and the diagrams read. */
export type Production =
  | { readonly kind: 'token'; readonly label: string; readonly literal: boolean }
  | { readonly kind: 'rule'; readonly name: string }
  | { readonly kind: 'sequence'; readonly items: readonly Production[] }
  | { readonly kind: 'choice'; readonly items: readonly Production[] }
  | { readonly kind: 'optional'; readonly item: Production }
  /** One or more, `separator` between them; within `optional` zero or more. */
  | { readonly kind: 'repeat'; readonly item: Production; readonly separator: Production | undefined };

export interface Rule {
  readonly name: string;
  readonly body: Production;
}

interface Gast extends ISerializedGast {
  readonly name?: string;
  readonly label?: string;
  readonly nonTerminalName?: string;
  readonly separator?: Gast;
}

const token = (gast: Gast): Production => {
  const label = gast.label ?? gast.name ?? '';
  return { kind: 'token', label, literal: label.startsWith('"') };
};

const sequence = (definition: readonly ISerializedGast[]): Production => {
  const items = definition.map(production);
  const [only] = items;
  return items.length === 1 && only !== undefined ? only : { kind: 'sequence', items };
};

const production = (gast: Gast): Production => {
  const definition = gast.definition ?? [];
  const repeat = (): Production => ({
    kind: 'repeat',
    item: sequence(definition),
    separator: gast.separator === undefined ? undefined : token(gast.separator),
  });
  switch (gast.type) {
    case 'Terminal':
      return token(gast);
    case 'NonTerminal':
      return { kind: 'rule', name: gast.name ?? gast.nonTerminalName ?? '' };
    case 'Alternation':
      return { kind: 'choice', items: definition.map(production) };
    case 'Option':
      return { kind: 'optional', item: sequence(definition) };
    case 'Repetition':
    case 'RepetitionWithSeparator':
      return { kind: 'optional', item: repeat() };
    case 'RepetitionMandatory':
    case 'RepetitionMandatoryWithSeparator':
      return repeat();
    default:
      return sequence(definition);
  }
};

const references = (p: Production): string[] => {
  switch (p.kind) {
    case 'token':
      return [];
    case 'rule':
      return [p.name];
    case 'sequence':
    case 'choice':
      return p.items.flatMap(references);
    case 'optional':
      return references(p.item);
    case 'repeat':
      return references(p.item);
    default:
      return p satisfies never;
  }
};

/** The rules of a parser in reading order: each after the first rule that mentions it. */
export const rulesOf = (productions: readonly ISerializedGast[], start: string): readonly Rule[] => {
  const byName = new Map((productions as readonly Gast[]).map((g) => [g.name ?? '', sequence(g.definition ?? [])]));
  const ordered: Rule[] = [];
  const seen = new Set<string>([start]);
  for (const name of seen) {
    const body = byName.get(name);
    if (body === undefined) continue;
    ordered.push({ name, body });
    for (const reference of references(body)) seen.add(reference);
  }
  return ordered;
};

/** ISO-like EBNF: `{ }` repeats, `[ ]` is optional, `|` chooses. Terminals without quotes are defined below the rules. */
export const ebnf = (p: Production): string => {
  const part = (q: Production): string => (q.kind === 'choice' ? `( ${ebnf(q)} )` : ebnf(q));
  switch (p.kind) {
    case 'token':
      return p.literal ? p.label : p.label.replace(/^an? /, '').toUpperCase();
    case 'rule':
      return p.name;
    case 'sequence':
      return p.items.map(part).join(', ');
    case 'choice':
      return p.items.map(ebnf).join(' | ');
    case 'optional':
      return p.item.kind === 'repeat' && p.item.separator === undefined ? `{ ${ebnf(p.item.item)} }` : `[ ${ebnf(p.item)} ]`;
    case 'repeat':
      return `${part(p.item)}, { ${p.separator === undefined ? '' : `${ebnf(p.separator)}, `}${part(p.item)} }`;
    default:
      return p satisfies never;
  }
};
