import { readFileSync } from 'node:fs';
import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import type { SSOClient } from '@aws-sdk/client-sso';
import type { STSClient } from '@aws-sdk/client-sts';
import type { NodeHttpHandler } from '@smithy/node-http-handler';
import { CredentialError } from '../errors.js';
import type { Environment } from '../system/paths.js';
import type { Site } from './chain.js';
import type { Credentials } from './credentials.js';

const CALL_TIMEOUT = 5000;
const CONNECTIONS = 50;
const NOBODY = { accessKeyId: 'none', secretAccessKey: 'none' };

export interface AwsClients {
  sts(site: Site, credentials?: Credentials): Promise<STSClient>;
  sso(site: Site): Promise<SSOClient>;
  close(): void;
}

/** The SDK is loaded at the first call: a daemon that serves from its store never needs it. */
export function createClients(env: Environment): AwsClients {
  const handlers = new Map<string, Promise<NodeHttpHandler>>();

  async function config(site: Site) {
    const caBundle = site.caBundle ?? env.AWS_CA_BUNDLE ?? '';
    let handler = handlers.get(caBundle);
    if (!handler) {
      handler = createHandler(env, caBundle);
      handlers.set(caBundle, handler);
      handler.catch(() => handlers.delete(caBundle));
    }
    // All that the SDK would otherwise look up in the person's files is said here: a broken file must not matter.
    return {
      region: site.region,
      endpoint: site.endpoint as string,
      useFipsEndpoint: site.fips ?? false,
      useDualstackEndpoint: site.dualstack ?? false,
      requestHandler: await handler,
      maxAttempts: 2,
      retryMode: 'standard',
      defaultsMode: 'standard',
      userAgentAppId: 'credd',
      logger: undefined,
    } as const;
  }

  return {
    async sts(site, credentials) {
      const { STSClient } = await import('@aws-sdk/client-sts');
      return new STSClient({
        ...(await config(site)),
        credentials: credentials ? identity(credentials) : NOBODY,
      });
    },
    async sso(site) {
      const { SSOClient } = await import('@aws-sdk/client-sso');
      return new SSOClient({ ...(await config(site)), credentials: NOBODY });
    },
    close() {
      for (const handler of handlers.values()) handler.then((it) => it.destroy()).catch(() => {});
    },
  };
}

async function createHandler(env: Environment, caBundle: string) {
  const { NodeHttpHandler } = await import('@smithy/node-http-handler');
  const ca = caBundle ? readCaBundle(caBundle) : undefined;
  const agentOptions = { keepAlive: true, maxSockets: CONNECTIONS, ...(ca ? { ca } : {}) };
  const agents = usesProxy(env)
    ? await proxyAgents(agentOptions)
    : { httpAgent: new HttpAgent(agentOptions), httpsAgent: new HttpsAgent(agentOptions) };
  return new NodeHttpHandler({
    connectionTimeout: CALL_TIMEOUT,
    requestTimeout: CALL_TIMEOUT,
    throwOnRequestTimeout: true,
    ...agents,
  });
}

function usesProxy(env: Environment): boolean {
  return ['HTTPS_PROXY', 'https_proxy', 'HTTP_PROXY', 'http_proxy', 'ALL_PROXY', 'all_proxy'].some(
    (name) => env[name],
  );
}

async function proxyAgents(options: { keepAlive: boolean }) {
  const { ProxyAgent } = await import('proxy-agent');
  const agent = new ProxyAgent(options);
  return { httpAgent: agent as unknown as HttpAgent, httpsAgent: agent as unknown as HttpsAgent };
}

function readCaBundle(path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (error) {
    throw new CredentialError(
      'InvalidCaBundle',
      400,
      `The CA bundle ${path} cannot be read (${(error as Error).message}): correct AWS_CA_BUNDLE or ca_bundle.`,
    );
  }
}

function identity({ accessKeyId, secretAccessKey, sessionToken }: Credentials) {
  return { accessKeyId, secretAccessKey, ...(sessionToken ? { sessionToken } : {}) };
}
