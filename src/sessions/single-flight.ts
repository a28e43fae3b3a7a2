/** However many ask, one call is under way; all get its outcome. */
export class SingleFlight<T> {
  #current: Promise<T> | undefined;

  get isUnderWay(): boolean {
    return this.#current !== undefined;
  }

  /** Joins the call under way, or begins one, which is told whether it still counts. */
  join(begin: (isCurrent: () => boolean) => Promise<T>): Promise<T> {
    if (this.#current) return this.#current;
    const flight: Promise<T> = begin(() => this.#current === flight).finally(() => {
      if (this.#current === flight) this.#current = undefined;
    });
    // Whoever joined is told of a failure; a flight that nobody joined must not end the process.
    flight.catch(() => {});
    this.#current = flight;
    return flight;
  }

  /** The call under way ends for those who joined it, and counts no more; who asks next begins another. */
  abandon(): void {
    this.#current = undefined;
  }
}
