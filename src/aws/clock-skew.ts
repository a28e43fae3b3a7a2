import type { Clock } from '../system/clock.js';

/** A clock that is ahead by less only makes sessions end a little early. */
const NOTED_AHEAD = 60_000;
/** From then on AWS refuses what is signed by this clock, and the SDK signs it again. */
const REFUSED = 5 * 60_000;

/** How far this computer's clock is from AWS's, by the `Date` of its answers. All times are milliseconds. */
export class ClockSkew {
  readonly #clock: Clock;
  readonly #noticed: (problem: string) => void;
  /** How far AWS's clock is ahead of `elapsed`, by its last answer. */
  #lead: number | undefined;
  #isNoticed = false;

  /** `noticed` is told once, until the clock is right again. */
  constructor(clock: Clock, noticed: (problem: string) => void = () => {}) {
    this.#clock = clock;
    this.#noticed = noticed;
  }

  /** What is wrong, for a person. */
  get problem(): string | undefined {
    const now = this.#clock.now();
    const theirs = this.#lead === undefined ? now : this.#lead + this.#clock.elapsed();
    if (Math.abs(theirs - now) < REFUSED) return undefined;
    const [here, there] = [now, theirs].map((time) => new Date(time).toISOString());
    return `This computer's clock is ${theirs > now ? 'behind' : 'ahead'}: it says ${here}, and AWS says ${there}. Sessions are served all the same, with ends that fit this clock; set the clock right.`;
  }

  /**
   * Makes a call to AWS, and has the end of the session that it gives fit this computer's clock, by which whoever gets
   * the session will judge it: to a second, and to the time on the wire. Where AWS does not say what time it is, the
   * session lasts no longer than was asked for.
   */
  async correcting<Answer extends { output: object; response: unknown }>(
    input: object,
    call: () => Promise<Answer>,
  ): Promise<Answer> {
    const askedAt = this.#clock.elapsed();
    const answer = await call();
    const now = this.#clock.now();
    const date = dateOf(answer.response);
    if (date === undefined) {
      const { DurationSeconds: seconds } = input as { DurationSeconds?: number };
      if (seconds) moveEnd(answer.output, (end) => Math.min(end, now + seconds * 1000));
    } else {
      const took = this.#clock.elapsed() - askedAt;
      const behind = behindBy(date, now - took, now);
      this.#note(now + behind);
      if (behind !== 0) moveEnd(answer.output, (end) => end - behind);
    }
    return answer;
  }

  #note(theirs: number): void {
    this.#lead = theirs - this.#clock.elapsed();
    const { problem } = this;
    if (problem && !this.#isNoticed) this.#noticed(problem);
    this.#isNoticed = problem !== undefined;
  }
}

/** AWS wrote the date between our asking and our reading it, perhaps with the machine's sleep in between. */
function behindBy(date: number, askedAt: number, readAt: number): number {
  if (date > readAt) return date - readAt;
  return date < askedAt - NOTED_AHEAD ? date - askedAt : 0;
}

function dateOf(response: unknown): number | undefined {
  const { headers = {} } = Object(response) as { headers?: Record<string, string> };
  const time = Date.parse(headers.date ?? '');
  return Number.isFinite(time) ? time : undefined;
}

/** STS gives a time, Identity Center's portal a number. */
function moveEnd(output: object, moved: (end: number) => number): void {
  const { Credentials: given, roleCredentials: role } = output as {
    Credentials?: { Expiration?: Date };
    roleCredentials?: { expiration?: number };
  };
  if (given?.Expiration) given.Expiration = new Date(moved(given.Expiration.getTime()));
  if (role?.expiration) role.expiration = moved(role.expiration);
}
