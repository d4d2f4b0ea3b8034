/** The connection that a request came by: what its share of the node is reckoned by. */
export interface Caller {
  /** Sends a notification; undefined where the connection takes answers alone (HTTP). */
  readonly notify: ((text: string) => void) | undefined;
  /** Whether the other end is gone: work for it is left out. */
  readonly gone: () => boolean;
  /** Told once when the connection ends. */
  readonly onClose: (told: () => void) => void;
  /** What the request says of who asks, as HTTP does: `Bearer TOKEN`. */
  readonly authorization?: string | undefined;
}

/** The node itself, for tests and for work that no connection asked for. */
export const LOCAL_CALLER: Caller = { notify: undefined, gone: () => false, onClose: () => undefined };
