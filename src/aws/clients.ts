import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import type { SSOClient } from '@aws-sdk/client-sso';
import type { SSOOIDCClient } from '@aws-sdk/client-sso-oidc';
import type { STSClient } from '@aws-sdk/client-sts';
import type { NodeHttpHandler } from '@smithy/node-http-handler';
import { type Clock, systemClock } from '../system/clock.js';
import type { Environment } from '../system/paths.js';
import { readCaBundle } from './ca-bundle.js';
import type { Site } from './chain.js';
import { ClockSkew } from './clock-skew.js';
import type { Credentials } from './credentials.js';
import { type ProxyChoice, proxyChoice } from './proxy.js';
import { shortText } from './short-text.js';

const CALL_TIMEOUT = 5000;
const CONNECTIONS = 50;
const NOBODY = { accessKeyId: 'none', secretAccessKey: 'none' };
const SILENT = { debug() {}, info() {}, warn() {}, error() {} };

export interface AwsClients {
  sts(site: Site, credentials?: Credentials): Promise<STSClient>;
  sso(site: Site): Promise<SSOClient>;
  /** A short text from the web, by the same way as AWS is called. */
  text(url: string): Promise<string>;
  oidc(site: Site): Promise<SSOOIDCClient>;
  /** For calls that no client of the SDK makes. */
  handler(site: Site): Promise<NodeHttpHandler>;
  /** What is wrong with this computer's clock, by AWS's last answer. */
  readonly clockProblem: string | undefined;
  close(): void;
}

export interface ClientOptions {
  /** What one attempt may take to connect, to be answered, or to go on with an answer, in milliseconds. */
  timeout?: number | undefined;
  clock?: Clock;
  /** Told of every call: its operation, and `ok` or the name of the error. */
  called?(operation: string, result: string): void;
  /** Told once when the clock turns out to be wrong. */
  clockIsWrong?(problem: string): void;
}

/** The SDK is loaded at the first call: a daemon that serves from its store never needs it. */
export function createClients(env: Environment, options: ClientOptions = {}): AwsClients {
  const { timeout = CALL_TIMEOUT, clock = systemClock, called = () => {} } = options;
  const skew = new ClockSkew(clock, options.clockIsWrong);
  const handlers = new Map<string, Promise<NodeHttpHandler>>();

  function handlerFor(caBundle: string): Promise<NodeHttpHandler> {
    let handler = handlers.get(caBundle);
    if (!handler) {
      handler = createHandler(env, caBundle, timeout);
      handlers.set(caBundle, handler);
      handler.catch(() => handlers.delete(caBundle));
    }
    return handler;
  }

  async function config(site: Site) {
    // All that the SDK would otherwise look up in the person's files is said here: a broken file must not matter.
    return {
      region: site.region,
      endpoint: site.endpoint as string,
      ignoreConfiguredEndpointUrls: true,
      authSchemePreference: ['aws.auth#sigv4'],
      useFipsEndpoint: site.fips ?? false,
      useDualstackEndpoint: site.dualstack ?? false,
      requestHandler: await handlerFor(site.caBundle ?? ''),
      maxAttempts: 2,
      retryMode: 'standard' as const,
      defaultsMode: 'standard' as const,
      userAgentAppId: 'credd',
      logger: SILENT,
    };
  }

  function observed<Client extends STSClient | SSOClient>(client: Client): Client {
    (client as STSClient).middlewareStack.add(
      (next, { commandName = '' }) =>
        async (args) => {
          const operation = String(commandName).replace(/Command$/, '');
          try {
            const result = await skew.correcting(args.input, () => next(args));
            called(operation, 'ok');
            return result;
          } catch (error) {
            called(operation, (error as Error).name);
            throw error;
          }
        },
      { step: 'initialize', name: 'credd-observe' },
    );
    return client;
  }

  return {
    handler: (site) => handlerFor(site.caBundle ?? ''),
    async sts(site, credentials) {
      const { STSClient } = await import('@aws-sdk/client-sts');
      const settings = {
        ...(await config(site)),
        sigv4aSigningRegionSet: [],
        credentials: credentials ? identity(credentials) : NOBODY,
      };
      return observed(new STSClient(settings));
    },
    async sso(site) {
      const { SSOClient } = await import('@aws-sdk/client-sso');
      return observed(new SSOClient({ ...(await config(site)), credentials: NOBODY }));
    },
    async text(url) {
      return shortText(url, await handlerFor(env.AWS_CA_BUNDLE ?? ''));
    },
    async oidc(site) {
      const { SSOOIDCClient } = await import('@aws-sdk/client-sso-oidc');
      return new SSOOIDCClient({ ...(await config(site)), credentials: NOBODY });
    },
    get clockProblem() {
      return skew.problem;
    },
    close() {
      for (const handler of handlers.values()) handler.then((it) => it.destroy()).catch(() => {});
    },
  };
}

async function createHandler(env: Environment, caBundle: string, timeout: number) {
  const { NodeHttpHandler } = await import('@smithy/node-http-handler');
  const ca = caBundle ? readCaBundle(caBundle) : undefined;
  const options = { keepAlive: true, maxSockets: CONNECTIONS, ...(ca ? { ca } : {}) };
  const choice = proxyChoice(env);
  const direct = { httpAgent: new HttpAgent(options), httpsAgent: new HttpsAgent(options) };
  return new NodeHttpHandler({
    connectionTimeout: timeout,
    requestTimeout: timeout,
    throwOnRequestTimeout: true,
    socketTimeout: timeout,
    logger: SILENT,
    ...(choice ? await proxyAgents(choice, options, direct) : direct),
  });
}

async function proxyAgents(
  getProxyForUrl: ProxyChoice,
  options: { keepAlive: boolean },
  direct: { httpAgent: HttpAgent; httpsAgent: HttpsAgent },
) {
  const { ProxyAgent } = await import('proxy-agent');
  const agent = new ProxyAgent({ ...options, ...direct, getProxyForUrl });
  return { httpAgent: agent as unknown as HttpAgent, httpsAgent: agent as unknown as HttpsAgent };
}

function identity({ accessKeyId, secretAccessKey, sessionToken }: Credentials) {
  return { accessKeyId, secretAccessKey, ...(sessionToken ? { sessionToken } : {}) };
}
