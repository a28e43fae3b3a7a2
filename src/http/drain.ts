import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { FastifyInstance } from 'fastify';
import type { Clock } from '../system/clock.js';

/** How long kept-alive clients have to come back once, and to be told that their connection ends. */
const FAREWELL = 250;
const IDLE_SWEEP = 50;
/** Whoever still waits for AWS then gets the answer that there is. */
const LAST_ANSWERS = 1200;
const LAST_MOMENT = 1600;

/**
 * Makes `app.close()` cut nobody off: it goes on answering for a moment, each time with `Connection: close`, before
 * it closes what is idle; answers under way are finished. It is over in 1.6 s. `answerAll` gives those who wait what
 * there is; `cut` is told how many connections were left all the same.
 */
export function closeGently(
  app: FastifyInstance,
  clock: Clock,
  { answerAll, cut }: { answerAll(): void; cut(connections: number): void },
): void {
  const { server } = app;
  let cancelSweep = () => {};
  let closed = false;
  const open = new Set<Socket>();
  server.on('connection', (socket) => {
    open.add(socket);
    socket.once('close', () => open.delete(socket));
  });
  app.addHook('preClose', async () => {
    const lastAnswers = clock.after(LAST_ANSWERS, answerAll);
    const lastMoment = clock.after(LAST_MOMENT, () => {
      if (open.size > 0) cut(open.size);
      server.closeAllConnections();
    });
    server.once('close', () => {
      closed = true;
      lastAnswers();
      lastMoment();
      cancelSweep();
    });
    for (const socket of open) sayFarewell(socket);
    if (open.size === 0) return;
    await new Promise<void>((over) => clock.after(FAREWELL, over));
    await read();
    sweep();
  });

  /** A connection whose answer ends after the close began would stay until its timeout. */
  function sweep(): void {
    cancelSweep = clock.after(IDLE_SWEEP, async () => {
      await read();
      server.closeIdleConnections();
      if (!closed) sweep();
    });
  }
}

/** After a moment of much work timers come before what has arrived meanwhile: a request that is not read yet looks idle. */
function read(): Promise<void> {
  return new Promise((done) => setImmediate(done));
}

/** Fastify says `Connection: close` in answers to what comes from now on; this is for those under way. */
function sayFarewell(socket: Socket): void {
  const answer = (socket as Socket & { _httpMessage?: ServerResponse | null })._httpMessage;
  if (answer && !answer.headersSent) answer.setHeader('connection', 'close');
}
