/** Waiting that somebody else can end. */
export class Pause {
  private end: (() => void) | undefined;
  private woken = false;

  /** Returns at once when it was woken since it waited last. */
  wait(ms: number): Promise<void> {
    if (this.woken) {
      this.woken = false;
      return Promise.resolve();
    }
    return new Promise((go) => {
      const done = (): void => {
        clearTimeout(timer);
        this.end = undefined;
        go();
      };
      const timer = setTimeout(done, ms);
      this.end = done;
    });
  }

  wake(): void {
    if (this.end === undefined) this.woken = true;
    else this.end();
  }
}
