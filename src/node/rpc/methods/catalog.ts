import type { PrefixedHexString } from '@ethereumjs/util';
import { type Board, ranking, type ScoreEntry } from '../../catalog/boards.ts';
import type { CatalogModel } from '../../catalog/catalog.ts';
import {
  type Cursor,
  type ModelOrder,
  type ModelQuery,
  type ModelState,
  ORDERS,
  selectModels,
  stateOf,
  STATES,
} from '../../catalog/query.ts';
import { hex, isRecord, optional, quantity, readAddress, readFixed, readQuantity } from '../fields.ts';
import type { DevNode } from '../node.ts';
import { invalidParams, notFound } from '../rpc-error.ts';
import { scoreHere } from '../score-here.ts';
import type { Method } from './method.ts';

const MAX_PAGE = 100;
const DEFAULT_PAGE = 25;
const MAX_NAME = 100;

type Fields = Readonly<Record<string, unknown>>;

const readFields = (given: unknown, known: readonly string[], what: string): Fields => {
  if (given === undefined || given === null) return {};
  if (!isRecord(given)) throw invalidParams(`${what} is an object`);
  const odd = Object.keys(given).find((key) => !known.includes(key));
  if (odd !== undefined) throw invalidParams(`${what} has no field ${JSON.stringify(odd.slice(0, 40))}: it takes ${known.join(', ')}`);
  return given;
};

const whole = (value: unknown, what: string): number => {
  const number = Number(readQuantity(value, what));
  if (!Number.isSafeInteger(number)) throw invalidParams(`${what} is ${number}, which is too large`);
  return number;
};

const text = (value: unknown, what: string): string => {
  if (typeof value !== 'string' || value.length > MAX_NAME) throw invalidParams(`${what} takes a text of at most ${MAX_NAME} characters`);
  return value;
};

const oneOf = <T extends string>(value: unknown, choices: readonly T[], what: string): T => {
  const found = choices.find((c) => c === value);
  if (found === undefined) throw invalidParams(`${what} takes one of ${choices.join(', ')}`);
  return found;
};

const TYPE = /^[a-z]\w{0,7}$|^([a-z]\w{0,7})?\[(\d{1,10}(,\d{1,10}){0,7})?\]$/;
const typeFilter = (value: unknown, what: string): string => {
  const given = text(value, what).replaceAll(' ', '');
  if (!TYPE.test(given)) throw invalidParams(`${what} takes a dtype, a shape or both: i8, [1,28,28], i8[1,28,28]`);
  return given;
};

const PAGE_FIELDS = ['order', 'limit', 'after'] as const;
const QUERY_FIELDS = [
  'address', 'hash', 'author', 'name', 'input', 'output', 'state', 'minSize', 'maxSize', 'maxGas', 'minRuns', ...PAGE_FIELDS,
] as const; // biome-ignore format: a list

const queryOf = (f: Fields): ModelQuery => ({
  address: optional(f['address'], (v) => readAddress(v).toString()),
  hash: optional(f['hash'], (v) => hex(readFixed(v, 32, 'hash'))),
  author: optional(f['author'], (v) => readAddress(v, 'author').toString()),
  name: optional(f['name'], (v) => text(v, 'name')),
  input: optional(f['input'], (v) => typeFilter(v, 'input')),
  output: optional(f['output'], (v) => typeFilter(v, 'output')),
  state: optional(f['state'], (v) => oneOf<ModelState>(v, STATES, 'state')),
  minSize: optional(f['minSize'], (v) => whole(v, 'minSize')),
  maxSize: optional(f['maxSize'], (v) => whole(v, 'maxSize')),
  maxGas: optional(f['maxGas'], (v) => whole(v, 'maxGas')),
  minRuns: optional(f['minRuns'], (v) => whole(v, 'minRuns')),
});

const limitOf = (f: Fields): number => {
  const limit = optional(f['limit'], (v) => whole(v, 'limit')) ?? DEFAULT_PAGE;
  if (limit < 1 || limit > MAX_PAGE) throw invalidParams(`limit is ${limit}, but takes 1 to ${MAX_PAGE}`);
  return limit;
};

const CURSOR = /^(\d{1,16})-(0x[0-9a-f]{40})$/;
const cursorOf = (given: unknown): Cursor => {
  const [, key, address] = CURSOR.exec(typeof given === 'string' ? given : '') ?? [];
  if (key === undefined || address === undefined) throw invalidParams('after takes what an earlier answer had as next');
  return { key: Number(key), address: address as PrefixedHexString };
};
const cursorText = ({ key, address }: Cursor): string => `${key}-${address}`;

const modelView = async (node: DevNode, m: CatalogModel) => {
  const { params } = node.chain.cvm;
  const name = node.names.get(m.hash);
  return {
    address: m.address,
    hash: m.hash,
    author: m.author,
    name: name?.name ?? null,
    by: name?.by ?? null,
    version: name?.version ?? null,
    licence: name?.licence ?? null,
    state: stateOf(m, params, node.catalog.at.number + 1),
    size: quantity(m.size),
    remaining: quantity(m.remaining),
    inputs: m.inputs,
    outputs: m.outputs,
    seeded: m.seeded,
    operations: quantity(m.operations),
    fee: quantity(m.fee),
    gas: quantity(m.gas),
    block: quantity(m.block),
    usableFrom: m.remaining > 0 ? null : quantity(BigInt(m.ready) + params.matureBlocks),
    withdrawn: m.withdrawn === 0 ? null : quantity(m.withdrawn),
    successor: m.successor ?? null,
    runs: quantity(m.runs),
    fees: quantity(m.fees),
    here: m.hash.length === 66 && (await node.objects.has(readFixed(m.hash, 32, 'hash'))),
  };
};

const standing = (node: DevNode) => ({
  block: { number: quantity(node.catalog.at.number), hash: node.catalog.at.hash },
  complete: node.catalog.leftOut === 0,
});

const page = async (node: DevNode, f: Fields, order: ModelOrder) => {
  const { catalog, names, chain } = node;
  await catalog.sync();
  const query = queryOf(f);
  if (query.name !== undefined) await names.look([...new Set([...catalog.all()].map((m) => m.hash))]);
  const request = { order, limit: limitOf(f), after: optional(f['after'], cursorOf) };
  const found = selectModels({ catalog, names, params: chain.cvm.params }, query, request);
  await names.look(found.models.map((m) => m.hash));
  const models = await Promise.all(found.models.map((m) => modelView(node, m)));
  return { ...standing(node), total: quantity(found.total), models, next: found.next === undefined ? null : cursorText(found.next) };
};

/** `cortex_models [query]`: models of the chain that a query fits, a page of them. */
const models: Method = (node, [given]) => {
  const f = readFields(given, QUERY_FIELDS, 'query');
  return page(node, f, optional(f['order'], (v) => oneOf(v, ORDERS, 'order')) ?? 'block');
};

/** Parts of ten thousand, as a decimal: the same text everywhere. */
const share = (correct: number, counted: number): string => {
  if (counted === 0) return '0.0000';
  const parts = (BigInt(correct) * 10_000n) / BigInt(counted);
  return `${parts / 10_000n}.${String(parts % 10_000n).padStart(4, '0')}`;
};

const scoreView = (node: DevNode, board: Board, { model, correct, counted }: ScoreEntry) => {
  const known = node.catalog.get(model);
  return {
    model,
    name: (known === undefined ? undefined : node.names.get(known.hash)?.name) ?? null,
    correct: quantity(correct),
    counted: quantity(counted),
    accuracy: share(correct, counted),
    // a model that is older than the disclosure cannot have been trained on it; one that is younger than the commitment was not chosen against
    unseen: known !== undefined && known.block < board.disclosed,
    unchosen: known !== undefined && board.committed < known.block,
    runs: quantity(known?.runs ?? 0),
  };
};

const boardView = (board: Board) => ({
  set: quantity(board.set),
  submitter: board.submitter,
  images: board.images,
  labels: board.labels,
  samples: quantity(board.samples),
  disclosed: quantity(board.disclosed),
  committed: quantity(board.committed),
  scored: quantity(ranking(board).length),
});

const namesOf = (node: DevNode, scores: readonly ScoreEntry[]): Promise<void> =>
  node.names.look(scores.flatMap(({ model }) => node.catalog.get(model)?.hash ?? []));

/** `cortex_leaderboard [{ by, set, limit, after }]`: models by runs, by fees, or by accuracy on a test set. */
const leaderboard: Method = async (node, [given]) => {
  const f = readFields(given, ['by', 'set', 'limit', 'after'], 'leaderboard');
  const by = optional(f['by'], (v) => oneOf(v, ['runs', 'fees', 'accuracy'] as const, 'by')) ?? 'runs';
  if (by !== 'accuracy') {
    if (f['set'] !== undefined) throw invalidParams('set belongs to by: accuracy');
    return { by, ...(await page(node, { minRuns: 1, ...f, set: undefined, by: undefined }, by)) };
  }
  await node.catalog.sync();
  const limit = limitOf(f);
  const from = optional(f['after'], (v) => whole(v, 'after')) ?? 0;
  if (f['set'] === undefined) {
    const boards = node.catalog.boards.all().slice(from, from + limit);
    await namesOf(
      node,
      boards.flatMap((b) => ranking(b).slice(0, 1)),
    );
    const sets = boards.map((b) => ({
      ...boardView(b),
      best:
        ranking(b)
          .slice(0, 1)
          .map((s) => scoreView(node, b, s))[0] ?? null,
    }));
    const more = from + limit < node.catalog.boards.all().length;
    return { by, ...standing(node), sets, next: more ? quantity(from + limit) : null };
  }
  const board = node.catalog.boards.get(whole(f['set'], 'set'));
  if (board === undefined) throw notFound('the test set');
  const all = ranking(board);
  const rows = all.slice(from, from + limit);
  await namesOf(node, rows);
  return {
    by,
    ...standing(node),
    ...boardView(board),
    rows: rows.map((s, i) => ({ rank: quantity(from + i + 1), ...scoreView(node, board, s) })),
    running: [...board.scores.values()]
      .filter((s) => s.done === undefined)
      .slice(0, limit)
      .map((s) => scoreView(node, board, s)),
    next: from + limit < all.length ? quantity(from + limit) : null,
  };
};

/** Models of the chain by what they are and how they are used. */
export const CATALOG = {
  cortex_models: models,
  cortex_leaderboard: leaderboard,
  cortex_score: scoreHere,
} as const satisfies Readonly<Record<string, Method>>;
