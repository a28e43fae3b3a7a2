import type { IncomingHttpHeaders } from 'node:http';

/** A request as it came over the wire, with its body read. */
export interface WireRequest {
  method: string;
  path: string;
  query: URLSearchParams;
  headers: IncomingHttpHeaders;
  body: string;
}

export interface Reply {
  status: number;
  headers: Record<string, string>;
  body: string;
}

/** What a test asserts on afterwards. `params` never holds a secret. */
export interface Call {
  operation: string;
  /** Milliseconds since the epoch, by the simulated world's clock. */
  at: number;
  /** The ARN of the caller, once the caller is known. */
  principal?: string;
  params: Record<string, string>;
  /** `ok`, AWS's error code, the kind of a fault, or `pending` while there is no answer yet. */
  outcome: string;
}

/** An answer in AWS's own terms that is not a success. */
export class ServiceError extends Error {
  readonly code: string;
  readonly status: number;

  constructor(code: string, status: number, message: string) {
    super(message);
    this.code = code;
    this.status = status;
  }
}

/** One AWS service behind the shared port. */
export interface Service {
  /** The operation that a request asks for; undefined when it is not for this service. */
  operation(request: WireRequest): string | undefined;
  /** Throws a ServiceError for a refusal; notes caller and parameters in `call`. `now` is the server's time for signatures. */
  answer(request: WireRequest, call: Call, now: number): Reply;
  refusal(error: ServiceError): Reply;
  /** How this service says that it is asked too often. */
  readonly throttled: ServiceError;
}
