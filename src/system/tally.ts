/** Counts things by two labels, as plain numbers: on the way of a request it costs two look-ups. */
export class Tally {
  readonly #counts = new Map<string, Map<string, { count: number }>>();

  add(first: string, second: string): void {
    const inner = this.#counts.get(first) ?? new Map<string, { count: number }>();
    const cell = inner.get(second) ?? { count: 0 };
    if (cell.count === 0) this.#counts.set(first, inner.set(second, cell));
    cell.count++;
  }

  *entries(): Generator<[first: string, second: string, count: number]> {
    for (const [first, inner] of this.#counts)
      for (const [second, { count }] of inner) yield [first, second, count];
  }
}

/** How long things took, in seconds, by the buckets of a histogram. */
export class Durations {
  /** The upper ends of the buckets; what took longer than the last is in none of them. */
  readonly bounds: readonly number[];
  readonly inBucket: number[];
  count = 0;
  sum = 0;

  constructor(bounds: readonly number[]) {
    this.bounds = bounds;
    this.inBucket = bounds.map(() => 0);
  }

  observe(seconds: number): void {
    this.count++;
    this.sum += seconds;
    const bucket = this.bounds.findIndex((bound) => seconds <= bound);
    if (bucket >= 0) this.inBucket[bucket] = (this.inBucket[bucket] ?? 0) + 1;
  }
}
