import { at } from '../../../support/index.ts';
import type { Executable, StepTime } from '../../backend.ts';
import type { NativeProgram } from './host.ts';

/**
 * What the backend says of an opened program.
 * @param handle - under which `nativeKept` opens it again
 */
export const executableOf = (program: NativeProgram, handle: string, warnings: Executable['warnings'] = []): Executable => ({
  run: (inputs) => program.run(inputs),
  look: (inputs) => program.look(inputs),
  profile: (inputs) => {
    const times = program.profile(inputs);
    return program.steps.map((step, i): StepTime => ({ place: step.place, op: step.op, milliseconds: at(times, i), macs: step.macs }));
  },
  memory: { parameters: program.parameterBytes, arena: program.memoryBytes },
  ...(warnings.length === 0 ? {} : { warnings }),
  // library and parameters are in the cache already
  keep: () => handle,
  close: () => program.close(),
});
