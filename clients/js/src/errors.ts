import type { Code } from "./contract.js";

/** Codes of this client. */
export type ClientCode =
  /** No response arrived, or the browser withheld it. */
  | "network"
  /** The response is no token and no problem document. */
  | "invalid_answer"
  /** The provider refuses the token that the broker still returns. */
  | "token_refused"
  /** The caller's function that gets a proof has failed, or has returned nothing. `cause` is its error. */
  | "proof_unavailable"
  /** A server's signer has failed. `cause` is its error. */
  | "signing_failed"
  /** The token is for the provider's SDK, so that no request can carry it. */
  | "not_fetchable";

export interface Failure {
  /** Later versions of the API may have further codes. */
  code: Code | ClientCode | (string & {});
  /** The status of the response, or 0 if there was none. */
  status: number;
  /** Whether the same call can succeed later without a change by anybody. */
  retryable: boolean;
  /** Seconds to wait before the next call, if the broker names them. */
  retryAfter?: number | undefined;
  requestId?: string | undefined;
  title?: string | undefined;
  /** What is wrong in this case, for the people who read the log. */
  detail?: string | undefined;
}

export interface TokenBrokerError extends Failure {}

export class TokenBrokerError extends Error {
  override name = "TokenBrokerError";

  constructor(failure: Pick<Failure, "code"> & Partial<Failure>, cause?: unknown) {
    super(failure.detail ?? failure.code, { cause });
    Object.assign(this, { status: 0, retryable: false }, failure);
  }
}
