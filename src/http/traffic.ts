import { Durations, Tally } from '../system/tally.js';

const FAST_TO_PATIENT = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 0.25, 1, 2.5, 10];

/** What was asked of `/creds`, and what became of it. */
export class Traffic {
  /** By profile, and `ok` or the code of the error. */
  readonly answers = new Tally();
  readonly times = new Durations(FAST_TO_PATIENT);
  /** Answers straight from memory. */
  hits = 0;

  /** `askedAt` by `performance.now()`. The profile is '' where it is none of ours: anybody may make up names. */
  answered(profile: string, outcome: string, askedAt: number): void {
    this.answers.add(profile, outcome);
    this.times.observe((performance.now() - askedAt) / 1000);
  }
}
