import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type Clock, systemClock } from '../system/clock.js';
import { type Fault, Faults } from './faults.js';
import { createFederation } from './federation.js';
import { createIam } from './iam.js';
import { jsonRefusal } from './json-protocol.js';
import { type Call, type Reply, type Service, ServiceError, type WireRequest } from './protocol.js';
import { ConsoleLogins, createSignin } from './signin.js';
import { type IdentityCenter, SignIns } from './sso.js';
import { createOidc } from './sso-oidc.js';
import { createPortal } from './sso-portal.js';
import { createSts } from './sts.js';
import { World, type WorldOptions } from './world.js';

export interface SimulatedAwsOptions {
  world?: WorldOptions & { identityCenters?: readonly IdentityCenter[] };
  /** Decides when sessions and sign-ins expire. */
  clock?: Clock;
  /**
   * Decides whether a signature or a proof is too old, and gives the answers their date. An SDK without our clock signs by the
   * machine's time, so this is that, even where `clock` is driven.
   */
  signingClock?: Clock;
  /** 0, if unset: any free one. */
  port?: number;
  host?: string;
}

export interface SimulatedAws {
  /** For `AWS_ENDPOINT_URL`, or `endpoint` of a client: STS, Identity Center and its OIDC behind one address. */
  url: string;
  port: number;
  /** Every request so far, in order of arrival. */
  calls: Call[];
  /** How many requests there were for an operation; with an outcome, only those that ended so. */
  count(operation: string, outcome?: string): number;
  faults: Faults;
  world: World;
  signIns: SignIns;
  logins: ConsoleLogins;
  /** The person's answer to a device authorization. Throws when none waits under that user code. */
  approve(userCode: string): void;
  deny(userCode: string): void;
  close(): Promise<void>;
}

/** A simulated AWS on loopback that speaks the wire protocols of the real one, and checks signatures. */
export async function startSimulatedAws(options: SimulatedAwsOptions = {}): Promise<SimulatedAws> {
  const { clock = systemClock, signingClock = systemClock, port = 0, host = '127.0.0.1' } = options;
  const world = new World(options.world ?? {}, clock);
  const signIns = new SignIns(options.world?.identityCenters ?? [], clock);
  const logins = new ConsoleLogins(world);
  const faults = new Faults(clock);
  const calls: Call[] = [];
  const oidc = createOidc(signIns, clock);
  const services = [
    createPortal(world, signIns),
    oidc,
    createIam(world),
    createFederation(world),
    createSignin(logins, signingClock),
    createSts(world),
  ];

  const server = createServer((message, response) => {
    serve(message, response).catch(() => response.destroy());
  });
  server.keepAliveTimeout = 60_000;

  async function serve(message: IncomingMessage, response: ServerResponse): Promise<void> {
    const request = await readRequest(message);
    const { service, operation } = route(services, request);
    const call: Call = { operation, at: clock.now(), params: {}, outcome: 'pending' };
    calls.push(call);
    const fault = faults.take(operation);
    await faults.wait(fault);
    const now = signingClock.now() + (fault?.kind === 'skew' ? fault.ms : 0);
    const reply = perform(service, request, call, fault, now);
    if (!reply) {
      message.socket.destroy();
      return;
    }
    response.setHeader('Date', new Date(now).toUTCString());
    response.writeHead(reply.status, { ...reply.headers, 'Content-Length': Buffer.byteLength(reply.body) });
    response.end(reply.body);
  }

  await new Promise<void>((done, failed) => {
    server.once('error', failed);
    server.listen({ port, host, backlog: 2048 }, done);
  });
  const address = server.address() as AddressInfo;

  return {
    url: `http://${host}:${address.port}`,
    port: address.port,
    calls,
    count: (operation, outcome) =>
      calls.filter((call) => call.operation === operation && (outcome ?? call.outcome) === call.outcome)
        .length,
    faults,
    world,
    signIns,
    logins,
    approve: (userCode) => oidc.grants.decide(userCode, 'approved'),
    deny: (userCode) => oidc.grants.decide(userCode, 'denied'),
    close: () =>
      new Promise((done) => {
        server.close(() => done());
        server.closeAllConnections();
        faults.clear();
      }),
  };
}

async function readRequest(message: IncomingMessage): Promise<WireRequest> {
  const chunks: Buffer[] = [];
  for await (const chunk of message) chunks.push(chunk);
  const { pathname, searchParams } = new URL(message.url ?? '/', 'http://localhost');
  return {
    method: message.method ?? 'GET',
    path: pathname,
    query: searchParams,
    headers: message.headers,
    body: Buffer.concat(chunks).toString(),
  };
}

const nowhere: Service = {
  throttled: new ServiceError('TooManyRequestsException', 429, 'Rate exceeded'),
  refusal: jsonRefusal,
  operation: ({ method, path }) => `${method} ${path}`,
  answer({ method, path }) {
    throw new ServiceError('UnknownOperationException', 404, `The simulated AWS has no ${method} ${path}`);
  },
};

function route(services: Service[], request: WireRequest): { service: Service; operation: string } {
  for (const service of [...services, nowhere]) {
    const operation = service.operation(request);
    if (operation) return { service, operation };
  }
  throw new Error('unreachable');
}

/** The answer, after what the fault makes of it; none where the connection is to be dropped. */
function perform(
  service: Service,
  request: WireRequest,
  call: Call,
  fault: Fault | undefined,
  now: number,
): Reply | undefined {
  try {
    switch (fault?.kind) {
      case 'drop':
        call.outcome = 'drop';
        return undefined;
      case 'garbage':
        call.outcome = 'garbage';
        return { status: 200, headers: { 'Content-Type': 'text/plain' }, body: '\u0001<<}{ not an answer' };
      case 'throttle':
        throw service.throttled;
      case 'error':
        throw new ServiceError(
          fault.code ?? 'InternalFailure',
          fault.status ?? 500,
          fault.message ??
            'The request processing has failed because of an unknown error, exception or failure.',
        );
    }
    const reply = service.answer(request, call, now);
    call.outcome = 'ok';
    return fault?.kind === 'lost' ? undefined : reply;
  } catch (error) {
    const refusal =
      error instanceof ServiceError ? error : new ServiceError('InternalFailure', 500, String(error));
    call.outcome = refusal.code;
    return service.refusal(refusal);
  }
}
