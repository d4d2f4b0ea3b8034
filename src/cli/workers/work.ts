import { type Compile, Observer, type SampleSource, watchedProgram } from '../../passes/index.ts';
import { unwrap } from '../../support/index.ts';
import { openSamples } from '../pipeline/sample-files.ts';
import { scoreChunk } from '../pipeline/scores.ts';
import type { Results, Task } from './protocol.ts';

/** Does one chunk; `finished` is called after each sample. */
type DoChunk<K extends Task['kind'] = Task['kind']> = (chunk: number, finished: () => void) => Results[K];

/** Compiles the program of a scoring task, whose samples are open. */
export const prepareScoring = (
  { program, codes, request }: Extract<Task, { kind: 'score' }>,
  source: SampleSource,
  compile: Compile,
): DoChunk<'score'> => {
  const model = { run: compile(program, { brief: true }), ...codes };
  return (chunk, finished) => scoreChunk(model, source, request, chunk, finished);
};

/**
 * Compiles the program of a task and opens its samples.
 * @throws {MrlError} when the samples cannot be opened
 */
export const prepareTask = (task: Task, compile: Compile): DoChunk => {
  const source = unwrap(openSamples(task.spec));
  switch (task.kind) {
    case 'observe': {
      const observer = new Observer(
        task.program,
        task.request,
        source,
        compile(watchedProgram(task.program, task.request), { brief: true }),
      );
      return (chunk, finished) => {
        observer.chunk(chunk, finished);
        return observer.take();
      };
    }
    case 'score':
      return prepareScoring(task, source, compile);
    default:
      return task satisfies never;
  }
};
