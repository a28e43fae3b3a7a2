/**
 * What a person is told when credentials cannot be had. `message` names the profile and what to type next;
 * it never holds a secret. `code` is a stable word for programs (AWS's own where AWS gave one).
 */
export class CredentialError extends Error {
  override name = 'CredentialError';
  readonly code: string;
  /** The HTTP status of the answer: 400 broken profile, 401 token, 403 refused, 503 may pass, 500 a bug. */
  readonly statusCode: number;
  /** Whether the same request may succeed later without anybody changing anything. */
  readonly retryable: boolean;

  constructor(
    code: string,
    statusCode: number,
    message: string,
    options: { cause?: unknown; retryable?: boolean } = {},
  ) {
    super(message, options);
    this.code = code;
    this.statusCode = statusCode;
    this.retryable = options.retryable ?? statusCode === 503;
  }
}
