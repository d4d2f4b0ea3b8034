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
    bench.row({ name, value: `failed: ${reason.slice(0, 160)}`, unit: '', goal: 'runs', met: false });
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

const cellsOf = (row: Row): readonly string[] => [
  row.bench,
  row.name,
  row.skipped !== undefined
    ? `skipped: ${row.skipped}`
    : row.value === undefined
      ? ''
      : typeof row.value === 'number'
        ? number(row.value)
        : row.value,
  row.unit,
  row.peer ?? '',
  row.goal ?? '',
  row.skipped !== undefined ? 'skipped' : row.met === undefined ? '' : row.met ? 'yes' : 'NO',
];

/** The rows as a table. */
export const formatRows = (rows: readonly Row[]): string => {
  const all = [['bench', 'name', 'value', 'unit', 'peer', 'goal', 'met'], ...rows.map(cellsOf)];
  const widths = (all[0] ?? []).map((_, c) => Math.max(...all.map((cells) => (cells[c] ?? '').length)));
  return all
    .map(
      (cells) =>
        `${cells
          .map((cell, c) => cell.padEnd(widths[c] ?? 0))
          .join('  ')
          .trimEnd()}\n`,
    )
    .join('');
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
