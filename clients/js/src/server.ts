/** For servers, which have no origin: calls signed with AWS credentials, calls with a proof, and proofs for others. */
import { steadyClock } from "./clock.js";
import { TokenBrokerError } from "./errors.js";
import type { Broker } from "./index.js";
import { withProof } from "./proof.js";
import { call, readToken, type Answer } from "./request.js";
import { tokenSource, type TokenSource } from "./source.js";

/** A page that is rendered with a token must not keep a revoked one for longer. */
const KEEPING = { keepSeconds: 30, revalidateSeconds: 25 };

/** Signs with Signature Version 4, as `AwsClient` of aws4fetch does. */
export interface Signer {
  sign(url: string, init: RequestInit): Promise<Request>;
}

export interface SignedBroker extends Broker {
  /** `new AwsClient({ accessKeyId, secretAccessKey, sessionToken, service: "execute-api", region })` */
  aws: Signer;
}

/** Return a merchant's sources, and `request` for every other route, for a server with AWS credentials. */
export function signedBroker({ url, merchant, aws, fetch: given = fetch, clock = steadyClock() }: SignedBroker) {
  const root = url.replace(/\/$/, "");
  const base = `${root}/merchants/${encodeURIComponent(merchant)}`;
  const read = async (address: string, init: RequestInit) => readToken(given, address, await signed(aws, address, init));
  // The function skips its memory, too.
  const shop = (path: string) => () =>
    tokenSource(
      (fresh) => read(base + path, fresh ? { headers: { "Cache-Control": "no-cache" } } : {}),
      given,
      clock,
      KEEPING,
    );
  const post = (body: unknown) => ({
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
  });
  return {
    shopify: shop("/shopify/storefront-access-token"),
    fourthwall: shop("/fourthwall/public-token"),
    chicksx: (session: { sessionId: string; scope?: string[] }) =>
      tokenSource(() => read(base + "/chicksx/public-tokens", post(session)), given, clock, KEEPING),

    /** Return the JSON of any route. `path` follows the API's address. Raise `TokenBrokerError` for a problem. */
    async request(method: string, path: string, body?: unknown, headers?: Record<string, string>): Promise<unknown> {
      const sent = body === undefined ? { headers: {} } : post(body);
      const init = { ...sent, method, headers: { ...sent.headers, ...headers } };
      return (await call(given, root + path, await signed(aws, root + path, init))).body;
    },
  };
}

export interface ProvedBroker extends Broker {
  /** Return a proof that the trust policy accepts, for example the OIDC token of the platform. Nothing is an error. */
  proof: () => string | undefined | Promise<string | undefined>;
}

/** Return the sources of a merchant's shop tokens, for a server or an app without AWS credentials. */
export function provedBroker({ url, merchant, proof, fetch: given = fetch, clock = steadyClock() }: ProvedBroker) {
  const base = `${url.replace(/\/$/, "")}/clients/${encodeURIComponent(merchant)}`;
  const shop = (path: string) => () => {
    const ask = withProof(proof, (proved) =>
      readToken(given, base + path, { headers: { Authorization: `Bearer ${proved}` } }),
    );
    return tokenSource(ask, given, clock, KEEPING);
  };
  return { shopify: shop("/shopify/storefront-access-token"), fourthwall: shop("/fourthwall/public-token") };
}

export interface Proof {
  /** One of the keys in the secret `storefront-proof/{merchant}`, and its name there. */
  key: string;
  kid: string;
  /** As in the trust policy. */
  issuer: string;
  audience: string;
  /** The visitor's checkout session. Take it from your own session, never from the request's content. */
  sessionId: string;
  /** Further claims, such as another name for the session's. */
  claims?: Record<string, unknown>;
}

/** Return a proof of a visitor's session that is valid for five minutes, signed with HMAC-SHA256. */
export function signProof({ sessionId, claims, ...signer }: Proof): Promise<string> {
  return sign(signer, { sid: sessionId, ...claims });
}

/** Return such a proof for a server or an app, which opens the shop's tokens. A browser must never get it. */
export function signClientProof({ claims, ...signer }: Omit<Proof, "sessionId">): Promise<string> {
  return sign(signer, { ...claims, sub: "shop" });
}

async function sign({ key, kid, issuer, audience }: Omit<Proof, "sessionId" | "claims">, claims: object): Promise<string> {
  const now = Math.floor(Date.now() / 1000);
  const header = { alg: "HS256", typ: "JWT", kid };
  const payload = { iss: issuer, aud: audience, iat: now, exp: now + 300, ...claims };
  const signed = `${encoded(header)}.${encoded(payload)}`;
  const algorithm = { name: "HMAC", hash: "SHA-256" };
  const imported = await crypto.subtle.importKey("raw", bytes(key), algorithm, false, ["sign"]);
  const signature = await crypto.subtle.sign("HMAC", imported, bytes(signed));
  return `${signed}.${base64url(new Uint8Array(signature))}`;
}

/** Return the token for the page's `initial`. A server's clock is right, so it stands for the broker's. */
export async function dehydrate(source: TokenSource): Promise<Answer> {
  return { token: await source.token(), servedAt: Date.now() / 1000 };
}

/** Return the signed request as an argument of `fetch`. */
async function signed(aws: Signer, url: string, init: RequestInit): Promise<RequestInit> {
  try {
    const request = await aws.sign(url, init);
    return { method: request.method, headers: request.headers, body: request.body ? await request.text() : null };
  } catch (cause) {
    throw new TokenBrokerError({ code: "signing_failed" }, cause);
  }
}

function encoded(value: unknown): string {
  return base64url(bytes(JSON.stringify(value)));
}

function bytes(text: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(text);
}

function base64url(value: Uint8Array): string {
  return btoa(String.fromCharCode(...value)).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}
