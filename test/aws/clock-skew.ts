import t from 'tap';
import { ClockSkew } from '../../src/aws/clock-skew.js';
import { HOUR, MINUTE, SECOND, travelClock } from '../support/time.js';

/** An AWS that gives sessions of an hour, and a computer whose clock is that much ahead of it. */
function start(ahead: number) {
  const clock = travelClock();
  clock.set(ahead);
  const told: string[] = [];
  const skew = new ClockSkew(clock, (problem) => told.push(problem));
  /** How long the session lasts by the computer's clock, in minutes. */
  async function ask({ dated = true, takes = () => {}, input = {} } = {}): Promise<number> {
    const { output } = await skew.correcting(input, async () => {
      const date = new Date(clock.real.now());
      takes();
      return {
        output: { Credentials: { Expiration: new Date(date.getTime() + HOUR) } },
        response: { headers: dated ? { date: date.toUTCString() } : {} },
      };
    });
    return (output.Credentials.Expiration.getTime() - clock.now()) / MINUTE;
  }
  return { clock, told, skew, ask };
}

t.test('the end of a session fits the clock that is wrong', async (t) => {
  for (const ahead of [-3 * HOUR, -2 * MINUTE, -SECOND, 0, 2 * MINUTE, 3 * HOUR])
    t.equal(await start(ahead).ask(), 60, `${ahead / SECOND} s ahead`);
  t.ok((await start(30 * SECOND).ask()) < 60, 'a little ahead: as AWS has it, which is a little early');
});

t.test("Identity Center's portal gives a number", async (t) => {
  const { clock, skew } = start(3 * HOUR);
  const date = new Date(clock.real.now()).toUTCString();
  const { output } = await skew.correcting({}, async () => ({
    output: { roleCredentials: { expiration: clock.real.now() + HOUR } },
    response: { headers: { date } },
  }));
  t.equal(output.roleCredentials.expiration, clock.now() + HOUR);
});

t.test('a machine that sleeps while the answer is on its way has no wrong clock', async (t) => {
  const { ask, clock, skew } = start(0);
  t.equal(await ask({ takes: () => clock.jump(8 * HOUR) }), -7 * 60);
  t.equal(skew.problem, undefined);
  t.equal(
    await ask({ takes: () => clock.set(-3 * HOUR) }),
    60,
    'nor does one that is set back meanwhile do harm',
  );
});

t.test('an answer without a date: no longer than was asked for', async (t) => {
  const input = { DurationSeconds: 3600 };
  t.equal(await start(-3 * HOUR).ask({ dated: false, input }), 60);
  t.equal(await start(30 * MINUTE).ask({ dated: false, input }), 30);
  t.equal(await start(0).ask({ dated: false }), 60);
});

t.test('says what is wrong, once for each time that it is', async (t) => {
  const { ask, clock, skew, told } = start(-3 * HOUR);
  t.equal(skew.problem, undefined, 'nobody knows yet');
  await ask();
  await ask();
  t.match(told, [
    /^This computer's clock is behind: it says \S+Z, and AWS says \S+Z\. .* set the clock right\.$/,
  ]);
  t.equal(skew.problem, told[0]);
  clock.set(3 * HOUR);
  await ask();
  t.equal(skew.problem, undefined);
  clock.set(HOUR);
  await ask();
  t.match(told[1], /clock is ahead/);
  clock.set(-HOUR);
  t.equal(skew.problem, undefined, 'put right: no answer is needed to see it');
  t.equal(told.length, 2);
  await ask();
  clock.set(-HOUR);
  t.match(skew.problem, /clock is behind/, 'nor to see that it is set back');
  await ask();
  t.equal(told.length, 3);
});
