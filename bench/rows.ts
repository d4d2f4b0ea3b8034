/** One measurement. */
export interface Row {
  readonly bench: string;
  readonly name: string;
  /** undefined when the measurement was skipped. */
  readonly value?: number | string | undefined;
  readonly unit: string;
  /** What it is compared with: the same thing measured another way, or a published figure. */
  readonly peer?: string | undefined;
  readonly goal?: string | undefined;
  /** Computed from value and goal; undefined when there is no goal. */
  readonly met?: boolean | undefined;
  /** Why there is no value. */
  readonly skipped?: string | undefined;
}

/** Where a suite puts its rows, and what it may leave out. */
export interface Bench {
  /** Leaves out what takes minutes. */
  readonly quick: boolean;
  /** Whether only what is made once and kept is wanted, such as models and peers: suites that keep something stop there. */
  readonly onlyPrepare: boolean;
  /** Folder of the real models and data sets (CORTEXC_DATA); undefined when it is not on this machine. */
  readonly data: string | undefined;
  /** Whether --only leaves a model in. */
  readonly wants: (name: string) => boolean;
  row(row: Omit<Row, 'bench'>): void;
  /** What is being done, on stderr. */
  say(text: string): void;
}

export interface Suite {
  readonly name: string;
  readonly summary: string;
  readonly run: (bench: Bench) => Promise<void>;
}

/** Runs one part of a suite; a failure becomes a row, and the rest goes on. */
export const attempt = async (bench: Bench, name: string, action: () => Promise<void>): Promise<void> => {
  try {
    bench.say(name);
    await action();
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    bench.row({ name, value: 'failed', unit: '', goal: 'runs', met: false, peer: reason.slice(0, 300).replace(/\s+/g, ' ') });
  }
};

const number = (value: number): string =>
  Number.isInteger(value)
    ? String(value)
    : Math.abs(value) >= 100
      ? value.toFixed(1)
      : Math.abs(value) >= 0.01
        ? value.toFixed(3)
        : value.toExponential(2);

const valueText = (row: Row): string => (typeof row.value === 'number' ? number(row.value) : (row.value ?? ''));

const verdict = (row: Row): string => (row.skipped !== undefined ? 'skipped' : row.met === undefined ? '' : row.met ? 'yes' : 'NO');

/** Rows are printed as they come, so the columns have their widths before anything is known of them; longer texts push the rest. */
const COLUMNS = [
  { title: 'met', width: 7, align: 'left', text: verdict },
  { title: 'name', width: 78, align: 'left', text: (row: Row) => row.name },
  { title: 'value', width: 9, align: 'right', text: valueText },
  { title: 'unit', width: 9, align: 'left', text: (row: Row) => row.unit },
  { title: 'goal', width: 17, align: 'left', text: (row: Row) => row.goal ?? '' },
  {
    title: 'peer',
    width: 0,
    align: 'left',
    text: (row: Row) => (row.skipped === undefined ? (row.peer ?? '') : `skipped: ${row.skipped}`),
  },
] as const;

const line = (cells: readonly string[]): string =>
  `${COLUMNS.map(({ width, align }, i) => (align === 'right' ? (cells[i] ?? '').padStart(width) : (cells[i] ?? '').padEnd(width)))
    .join('  ')
    .trimEnd()}\n`;

/** The names of the columns that `formatRow` fills. */
export const ROW_HEADER = line(COLUMNS.map((c) => c.title));

/** A row as a line of the table. */
export const formatRow = (row: Row): string => line(COLUMNS.map((c) => c.text(row)));

/** How many goals were met, and which were not: what a reader of many rows looks for. */
export const summarize = (rows: readonly Row[]): string => {
  const goals = rows.filter((r) => r.goal !== undefined);
  const [missed, open] = [goals.filter((r) => r.met === false), goals.filter((r) => r.met === undefined)];
  const list = (title: string, some: readonly Row[]): string => (some.length === 0 ? '' : `${title}\n${some.map(formatRow).join('')}`);
  const counts = `${goals.length} goals: ${goals.length - missed.length - open.length} met, ${missed.length} missed, ${open.length} not measured`;
  return `\n${counts}\n${list('missed:', missed)}${list('not measured:', open)}`;
};

/** The middle of an odd number of measurements; of an even number, the lower middle. */
export const median = (values: readonly number[]): number =>
  [...values].sort((a, b) => a - b)[Math.floor((values.length - 1) / 2)] ?? Number.NaN;

/** Milliseconds that an action takes. */
export const timed = <T>(action: () => T): readonly [T, number] => {
  const started = process.hrtime.bigint();
  const value = action();
  return [value, Number(process.hrtime.bigint() - started) / 1e6];
};

/** Milliseconds that an asynchronous action takes. */
export const timedAsync = async <T>(action: () => Promise<T>): Promise<readonly [T, number]> => {
  const started = process.hrtime.bigint();
  const value = await action();
  return [value, Number(process.hrtime.bigint() - started) / 1e6];
};

/** Seconds of processor time that an action takes: others may use the machine. */
export const processorTimed = <T>(action: () => T): readonly [T, number] => {
  const before = process.cpuUsage();
  const value = action();
  const { user, system } = process.cpuUsage(before);
  return [value, (user + system) / 1e6];
};
