import { DataUnavailable } from '../evm/engine.ts';

// What can keep this node from answering now. All are DataUnavailable: they end the frames of a call in order, and are never a result of
// the chain.

/** More is asked for than this node does at a time: ask again later. Only calls are told so; inferences of blocks wait. */
export class EngineBusy extends DataUnavailable {
  constructor(hash: Uint8Array, detail: string) {
    super(hash, 'model');
    this.message = `${detail}: ask again later`;
  }
}

/** An inference of a call took longer than whoever asked for it may wait. Blocks have no clock. */
export class InferenceTooLong extends DataUnavailable {
  constructor(hash: Uint8Array, limitMs: number) {
    super(hash, 'model');
    this.message = `the inference is not done after ${limitMs} ms, the limit of a call`;
  }
}

/** The workers of this node end when they run the model. Others may be able to. */
export class ModelEndsWorkers extends DataUnavailable {
  constructor(hash: Uint8Array, times: number, reason: string) {
    super(hash, 'model');
    this.message = `model ${this.message.split(' ')[1] ?? ''} ended ${times} workers of this node, the last by ${reason}`;
  }
}
