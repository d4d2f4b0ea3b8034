import type { EVMResult, Message } from '@ethereumjs/evm';
import { bytesToHex } from '@ethereumjs/util';

/** Frames of one trace at most, and bytes of inputs and outputs in it. */
const MAX_FRAMES = 10_000;
const MAX_BYTES = 2 ** 22;

interface Frame {
  type: string;
  from: string;
  to?: string;
  value?: string;
  gas: string;
  gasUsed: string;
  input: string;
  output?: string;
  error?: string;
  calls?: Frame[];
}

const quantity = (n: bigint): string => `0x${n.toString(16)}`;

const typeOf = (m: Message): string => {
  if (m.to === undefined) return m.salt === undefined ? 'CREATE' : 'CREATE2';
  if (m.delegatecall) return 'DELEGATECALL';
  return m.isStatic ? 'STATICCALL' : 'CALL';
};

/** Collects the frames of a transaction in the form of Geth's `callTracer`. */
export class CallTracer {
  private readonly stack: { readonly frame: Frame | undefined }[] = [];
  private root: Frame | undefined;
  private frames = 0;
  private bytes = 0;
  /** Whether frames or bytes were left out. */
  truncated = false;

  private data(bytes: Uint8Array): string {
    this.bytes += bytes.length;
    if (this.bytes <= MAX_BYTES) return bytesToHex(bytes);
    this.truncated = true;
    return '0x';
  }

  enter(m: Message): void {
    if (this.frames >= MAX_FRAMES) {
      this.truncated = true;
      this.stack.push({ frame: undefined });
      return;
    }
    this.frames++;
    const frame: Frame = {
      type: typeOf(m),
      from: m.caller.toString(),
      ...(m.to === undefined ? {} : { to: m.to.toString() }),
      ...(m.delegatecall || m.isStatic ? {} : { value: quantity(m.value) }),
      gas: quantity(m.gasLimit),
      gasUsed: '0x0',
      input: this.data(m.data),
    };
    const parent = this.stack[this.stack.length - 1]?.frame;
    if (this.stack.length === 0) this.root = frame;
    else if (parent !== undefined) (parent.calls ??= []).push(frame);
    this.stack.push({ frame });
  }

  leave({ execResult, createdAddress }: EVMResult): void {
    const frame = this.stack.pop()?.frame;
    if (frame === undefined) return;
    frame.gasUsed = quantity(execResult.executionGasUsed);
    if (execResult.returnValue.length > 0) frame.output = this.data(execResult.returnValue);
    if (createdAddress !== undefined) frame.to = createdAddress.toString();
    if (execResult.exceptionError !== undefined) frame.error = execResult.exceptionError.error;
  }

  /** The frame of the transaction itself: with the gas of the whole, as Geth has it. */
  result(gas: bigint, gasUsed: bigint): Frame | undefined {
    if (this.root === undefined) return undefined;
    return { ...this.root, gas: quantity(gas), gasUsed: quantity(gasUsed) };
  }
}
