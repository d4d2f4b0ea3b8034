import type { PackageDraft } from './contract.ts';

/** Why a package did not come, in words for the operator. What came until then is in the draft. */
export class TransferError extends Error {
  override readonly name = 'TransferError';
}

/** The message of what was thrown, and of what caused it: errors of other realms and libraries are errors too. */
const messageOf = (error: unknown): string => {
  if (typeof error !== 'object' || error === null) return String(error);
  const { message, name, cause } = error as { readonly message?: unknown; readonly name?: unknown; readonly cause?: unknown };
  if (typeof cause === 'object' && cause !== null) return messageOf(cause);
  return typeof message === 'string' && message !== '' ? message : String(name ?? 'an error without words');
};

/** What an error says; addresses and text of peers in it are printable. */
export const reasonOf = (error: unknown): string =>
  messageOf(error)
    .replace(/\p{Cc}/gu, '\ufffd')
    .slice(0, 300);

/** @throws {TransferError} when the signal says so */
export const checkSignal = (signal: AbortSignal): void => {
  if (signal.aborted) throw new TransferError(`the transfer was stopped: ${reasonOf(signal.reason)}`);
};

/** Whether a draft has all bytes of a range. */
export const hasRange = (draft: PackageDraft, from: number, length: number): boolean =>
  length === 0 || draft.present().some(([start, end]) => start <= from && from + length <= end);

/** The outcome of a promise, or the words of the signal or of the clock, whichever is first. Nothing of it outlives the call. */
export const within = async <T>(work: Promise<T>, milliseconds: number, signal: AbortSignal, what: string): Promise<T> => {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let stop: (() => void) | undefined;
  try {
    return await Promise.race([
      work,
      new Promise<never>((_, reject) => {
        timer = setTimeout(() => reject(new TransferError(`${what}: nothing came for ${milliseconds / 1000} s`)), milliseconds);
        stop = () => reject(new TransferError(`the transfer was stopped: ${reasonOf(signal.reason)}`));
        if (signal.aborted) stop();
        else signal.addEventListener('abort', stop, { once: true });
      }),
    ]);
  } finally {
    clearTimeout(timer);
    if (stop !== undefined) signal.removeEventListener('abort', stop);
    // whatever lost the race may still reject
    work.catch(() => {});
  }
};
