import type { Journal, JournalEntry, JournalTransaction } from '../trace/journal.ts';

/** The first thing that two nodes see differently in a block. */
export interface Difference {
  readonly what: 'output' | 'input' | 'seed' | 'model' | 'number of inferences' | 'transaction' | 'receipt' | 'state' | 'block';
  /** Index of the inference in the block, or of the transaction. */
  readonly index: number;
  readonly own: string;
  readonly peer: string;
}

const FIELDS = [
  ['model', (e: JournalEntry) => `${e.model} (package ${e.hash})`],
  ['seed', (e: JournalEntry) => e.seed.join(', ')],
  ['input', (e: JournalEntry) => e.input],
  ['output', (e: JournalEntry) => e.output],
] as const;

const RECEIPT = [
  ['transaction', (t: JournalTransaction) => t.hash],
  ['receipt', (t: JournalTransaction) => `${t.succeeded ? 'succeeded' : 'failed'}, ${t.gasUsed} gas, logs ${t.logs}`],
  ['state', (t: JournalTransaction) => t.stateRoot],
] as const;

/** The journals of two nodes, from its beginning: what follows from the first difference is not looked at. */
export const compareJournals = (own: Journal, peer: Journal): Difference | undefined => {
  for (const [index, mine] of own.inferences.entries()) {
    const theirs = peer.inferences[index];
    if (theirs === undefined) break;
    for (const [what, read] of FIELDS) if (read(mine) !== read(theirs)) return { what, index, own: read(mine), peer: read(theirs) };
  }
  const transactions = Math.max(own.transactions.length, peer.transactions.length);
  for (let index = 0; index < transactions; index++) {
    const [mine, theirs] = [own.transactions[index], peer.transactions[index]];
    const refused = (j: Journal): string => (j.refused?.index === index ? `refused: ${j.refused.reason}` : 'not there');
    if (mine === undefined || theirs === undefined) {
      const told = (t: JournalTransaction | undefined, j: Journal): string => (t === undefined ? refused(j) : t.hash);
      return { what: 'transaction', index, own: told(mine, own), peer: told(theirs, peer) };
    }
    for (const [what, read] of RECEIPT) if (read(mine) !== read(theirs)) return { what, index, own: read(mine), peer: read(theirs) };
  }
  if (own.count !== peer.count)
    return { what: 'number of inferences', index: Math.min(own.count, peer.count), own: String(own.count), peer: String(peer.count) };
  return undefined;
};
