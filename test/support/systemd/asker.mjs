// Asks a URL 200 times a second, every second time over a new connection, until its stdin ends; then prints what became
// of it. A request that was cut is asked once more.
import { Agent, get } from 'node:http';

const [url] = process.argv.slice(2);
const keptAlive = new Agent({ keepAlive: true, maxSockets: 8 });
const seen = { asked: 0, answered: 0, refused: 0, cut: 0, lost: 0, others: [], slowest: 0 };
const waiting = new Set();

function ask(agent) {
  return new Promise((resolve) => {
    const asked = get(url, { agent }, async (answer) => {
      try {
        const body = Buffer.concat(await answer.toArray()).toString();
        resolve(
          answer.statusCode === 200 && JSON.parse(body).Code === 'Success'
            ? 'answered'
            : `${answer.statusCode} ${body}`,
        );
      } catch {
        resolve('cut');
      }
    });
    asked.on('error', ({ code }) => {
      if (code === 'ECONNREFUSED') resolve('refused');
      else resolve(code === 'ECONNRESET' || code === 'EPIPE' ? 'cut' : String(code));
    });
  });
}

async function one() {
  const begin = performance.now();
  let outcome = await ask(seen.asked++ % 2 ? keptAlive : false);
  if (outcome === 'cut') {
    seen.cut++;
    outcome = await ask(false);
    if (outcome !== 'answered') seen.lost++;
  }
  seen.slowest = Math.max(seen.slowest, Math.round(performance.now() - begin));
  if (outcome === 'answered' || outcome === 'refused') seen[outcome]++;
  else seen.others.push(outcome);
}

const timer = setInterval(() => {
  const going = one().finally(() => waiting.delete(going));
  waiting.add(going);
  if (seen.asked === 1) process.stdout.write('asking\n');
}, 5);
process.stdin.resume().on('end', async () => {
  clearInterval(timer);
  await Promise.all(waiting);
  process.stdout.write(`${JSON.stringify(seen)}\n`);
  process.exit();
});
