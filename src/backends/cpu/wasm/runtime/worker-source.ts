/**
 * The script of a worker, the same in Node and in browsers: for each message it instantiates the module on the shared memory and
 * works until it is sent away. It imports nothing, so that a worker starts in the time that the engine takes. `failed` and `done` are
 * where the control block has these words (`CONTROL`): the others learn there, without an event loop, that this thread is lost.
 */
export const WORKER_SOURCE = `'use strict';
const serve = ({ module, memory, control, failed, absent, done }) => {
  let came = false;
  try {
    const { exports } = new WebAssembly.Instance(module, { env: { memory } });
    came = true;
    exports.work();
  } catch (error) {
    const words = new Int32Array(memory.buffer);
    Atomics.add(words, (control + (came ? failed : absent)) / 4, 1);
    Atomics.notify(words, (control + done) / 4);
    throw error;
  }
};
if (typeof require === 'function') require('node:worker_threads').parentPort.on('message', serve);
else self.onmessage = (event) => serve(event.data);
`;
