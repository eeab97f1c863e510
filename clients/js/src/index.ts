import { steadyClock, type Clock } from "./clock.js";
import { withProof } from "./proof.js";
import { readToken, type Fetch } from "./request.js";
import { tokenSource, type Options } from "./source.js";

export type { Clock } from "./clock.js";
export type { Code, Token, Use } from "./contract.js";
export { TokenBrokerError, type ClientCode, type Failure } from "./errors.js";
export type { Answer, Fetch } from "./request.js";
export type { Listener, Options, TokenSource } from "./source.js";

export interface Broker {
  /** The stack's `ApiUrl`. */
  url: string;
  merchant: string;
  /** Replaces the global `fetch`. */
  fetch?: Fetch;
  /** Replaces the time, in tests. */
  clock?: Clock;
}

export interface Proved {
  proof: string;
  sessionId: string;
}

export interface Session extends Options {
  /** Get a new proof of the visitor's session from the merchant's backend. */
  proof: () => Proved | Promise<Proved>;
  scope?: string[];
}

/** Return the sources of a merchant's tokens. No request is sent before a source is used. */
export function tokenBroker({ url, merchant, fetch: given, clock = steadyClock() }: Broker) {
  const send: Fetch = given ?? ((...request) => fetch(...request));
  const base = `${url.replace(/\/$/, "")}/storefront/${encodeURIComponent(merchant)}`;

  // No header is added, so that the browser sends no preflight.
  const shop = (path: string) => (options: Options = {}) =>
    tokenSource(
      (fresh) => readToken(send, base + path, fresh ? { cache: "reload" } : {}),
      send,
      clock,
      options,
    );

  const session = ({ proof, scope, ...options }: Session) => {
    const ask = withProof(proof, (proved) =>
      readToken(send, base + "/chicksx/public-tokens", {
        method: "POST",
        headers: { Authorization: `Bearer ${proved.proof}`, "Content-Type": "application/json" },
        body: JSON.stringify({ sessionId: proved.sessionId, scope }),
      }),
    );
    return tokenSource(ask, send, clock, options);
  };

  return {
    shopify: shop("/shopify/storefront-access-token"),
    fourthwall: shop("/fourthwall/public-token"),
    chicksx: session,
  };
}
