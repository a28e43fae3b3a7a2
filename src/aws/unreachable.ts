import { CredentialError } from '../errors.js';

interface NetworkFault extends NodeJS.ErrnoException {
  hostname?: string;
  address?: string;
  port?: number;
}

/** No answer of AWS's came: the network, a proxy, or something else that answers in its place. All of it may pass. */
export function unreachable(
  fault: NetworkFault,
  { about, doing, status }: { about: string; doing: string; status: number | undefined },
): CredentialError {
  // The SDK calls a lost connection a timeout too.
  const timedOut = fault.name === 'TimeoutError' && (fault.code ?? 'ETIMEDOUT') === 'ETIMEDOUT';
  const { why, advice } = status === undefined ? explain(fault, timedOut) : notAws(status);
  return new CredentialError(
    timedOut ? 'Timeout' : 'NetworkError',
    503,
    `${about}: ${doing} failed: ${why}. ${advice}`,
    { cause: fault },
  );
}

/** The parser's own message would quote the answer, which may hold a secret. */
function notAws(status: number) {
  return {
    why: `what answered is not AWS (status ${status})`,
    advice: 'Check for a proxy or a network that wants a sign-in, and the endpoint.',
  };
}

function explain(fault: NetworkFault, timedOut: boolean): { why: string; advice: string } {
  const { code = '', hostname, address, port, message } = fault;
  if (timedOut) return { why: 'no answer in time', advice: 'Check the network, the proxy and the endpoint.' };
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') {
    return {
      why: `the host ${hostname} cannot be found (${code})`,
      advice: 'Check the network, the region and the endpoint.',
    };
  }
  if (code === 'ECONNREFUSED') {
    const where = address ? `${address}:${port}` : 'the other side';
    return { why: `${where} refuses connections (${code})`, advice: 'Check the endpoint and the proxy.' };
  }
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') {
    return {
      why: `its certificate is another host's (${code})`,
      advice: 'Check the endpoint and the proxy.',
    };
  }
  if (/CERT|SIGNED|SIGNATURE/.test(code)) {
    return {
      why: `its certificate is not trusted (${code})`,
      advice: 'Set AWS_CA_BUNDLE or ca_bundle to the file with the certificates of your network or endpoint.',
    };
  }
  return { why: message || code, advice: 'Check the network, the proxy and the endpoint.' };
}
