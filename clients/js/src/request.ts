import type { Token } from "./contract.js";
import { TokenBrokerError, type Failure } from "./errors.js";

export type Fetch = (url: string, init: RequestInit) => Promise<Response>;

/** A token with the broker's time of the response in Unix seconds, or without it if no script can read the time. */
export interface Answer {
  token: Token;
  servedAt?: number | undefined;
}

/** In milliseconds. API Gateway waits no longer for a function. */
const TIME_LIMIT = 30_000;

/**
 * Send a request to the broker. Return the JSON of a successful response and the broker's time. Raise `TokenBrokerError` with
 * the request's id for everything else, also if `accept` refuses the JSON.
 */
export async function call(
  send: Fetch,
  url: string,
  init: RequestInit,
  accept: (body: unknown, servedAt: number | undefined) => boolean = () => true,
): Promise<{ body: unknown; servedAt: number | undefined }> {
  let response: Response | undefined;
  let failure: Omit<Failure, "status"> = { code: "network", retryable: true };
  let cause: unknown;
  const header = (name: string) => response?.headers.get(name) ?? undefined;
  try {
    response = await send(url, { ...init, signal: AbortSignal.timeout(TIME_LIMIT) });
    const text = await response.text();
    failure = { code: "invalid_answer", retryable: response.ok || response.status >= 500 };
    const body = JSON.parse(text) as Failure | null;
    const servedAt = Date.parse(header("Date")!) / 1000 || undefined;
    if (response.ok && accept(body, servedAt)) return { body, servedAt };
    if (!response.ok && body?.code) failure = body;
  } catch (error) {
    cause = error;
  }
  throw new TokenBrokerError(
    {
      ...failure,
      status: response?.status ?? 0,
      retryAfter: Number(header("Retry-After")) || undefined,
      requestId: failure.requestId ?? header("x-amzn-RequestId"),
    },
    cause,
  );
}

/** Ask the broker for a token. Raise `TokenBrokerError` if there is none that can be used. */
export async function readToken(send: Fetch, url: string, init: RequestInit): Promise<Answer> {
  const { body, servedAt } = await call(send, url, init, isValid);
  return { token: body as Token, servedAt };
}

/** Return whether this is a token that has not ended. One without an end has null, and a member that is missing is an error. */
function isValid(body: unknown, servedAt = 0): boolean {
  const token = body as Partial<Token> | null;
  const { tokenId, accessToken, use, expiresAt } = token ?? {};
  return !!tokenId && !!accessToken && !!use?.name && (expiresAt === null || expiresAt! > servedAt);
}
