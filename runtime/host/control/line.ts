/** Lets one in at a time, in the order of their coming. */
export class Line {
  #last: Promise<void> = Promise.resolve();

  /** Waits for those before; the caller must call the result when it is done. */
  async enter(): Promise<() => void> {
    const before = this.#last;
    let leave: () => void = () => {};
    this.#last = new Promise((resolve) => {
      leave = resolve;
    });
    await before;
    return leave;
  }
}
