// The page of an emitted folder: loads the model, runs the vectors, shows times and warnings.
import { load, ModelError } from './loader.ts';
import { checkVectors } from './vectors.ts';

/** The part of the DOM that is used. */
interface Element {
  textContent: string | null;
  value: string;
  readonly dataset: Record<string, string>;
  append(...parts: readonly (Element | string)[]): void;
  addEventListener(event: 'click', listener: () => void): void;
}
declare const document: {
  getElementById(id: string): Element | null;
  createElement(name: string): Element;
  readonly body: Element;
};

const element = (id: string): Element => document.getElementById(id) ?? document.createElement('p');
const say = (text: string): void => {
  element('status').textContent = text;
};
const row = (cells: readonly string[]): Element => {
  const line = document.createElement('tr');
  for (const text of cells) {
    const cell = document.createElement('td');
    cell.textContent = text;
    line.append(cell);
  }
  return line;
};

const read = async (name: string): Promise<Uint8Array> => {
  const response = await fetch(new URL(name, import.meta.url));
  return new Uint8Array(await response.arrayBuffer());
};

const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(1)} MB`;

const run = async (): Promise<void> => {
  const threads = Number(element('threads').value);
  const started = performance.now();
  const onProgress = (loaded: number, total: number): void => say(`weights: ${megabytes(loaded)} of ${megabytes(total)}`);
  const model = await load(undefined, { ...(threads > 0 ? { threads } : {}), onProgress });
  const loadedAfter = performance.now() - started;
  element('results').textContent = '';
  const results = await checkVectors(model, read, ({ name, passed, milliseconds, digests, problems }) =>
    element('results').append(row([name, passed ? 'same bytes' : problems.join('; '), `${milliseconds.toFixed(1)} ms`, digests.join(' ')])),
  );
  element('warnings').textContent = model.warnings.map(({ code, message, help }) => `${code}: ${message}. ${help}`).join('\n');
  const passed = results.filter((r) => r.passed).length;
  say(
    `${passed} of ${results.length} vectors give the expected bytes, on ${model.threads} threads; loaded in ${loadedAfter.toFixed(0)} ms`,
  );
  model.close();
  document.body.dataset['state'] = passed === results.length ? 'passed' : 'failed';
};

const start = (): void => {
  document.body.dataset['state'] = 'running';
  run().catch((error: unknown) => {
    say(error instanceof ModelError ? error.message : String(error));
    document.body.dataset['state'] = 'failed';
  });
};

element('run').addEventListener('click', start);
start();
