/** For servers, which have no origin: calls signed with AWS credentials, calls with a proof, and proofs for others. */
import { steadyClock } from "./clock.js";
import type { TokenBrokerError } from "./errors.js";
import type { Broker } from "./index.js";
import { call, readToken, type Answer, type Fetch } from "./request.js";
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
  const send: Fetch = async (address, { signal, ...init }) => {
    const { method, headers, body } = await aws.sign(address, init).then(parts);
    return given(address, { method, headers, body, signal: signal ?? null });
  };
  const root = url.replace(/\/$/, "");
  const base = `${root}/merchants/${encodeURIComponent(merchant)}`;
  // The function skips its memory, too.
  const shop = (path: string) => () =>
    tokenSource(
      (fresh) => readToken(send, base + path, fresh ? { headers: { "Cache-Control": "no-cache" } } : {}),
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
      tokenSource(() => readToken(send, base + "/chicksx/public-tokens", post(session)), given, clock, KEEPING),

    /** Return the JSON of any route. `path` follows the API's address. Raise `TokenBrokerError` for a problem. */
    async request(method: string, path: string, body?: unknown, headers?: Record<string, string>): Promise<unknown> {
      const sent = body === undefined ? { headers: {} } : post(body);
      return (await call(send, root + path, { ...sent, method, headers: { ...sent.headers, ...headers } })).body;
    },
  };
}

export interface ProvedBroker extends Broker {
  /** Return a proof that the trust policy accepts, for example the OIDC token of the platform. */
  proof: () => string | Promise<string>;
}

/** Return the sources of a merchant's shop tokens, for a server or an app without AWS credentials. */
export function provedBroker({ url, merchant, proof, fetch: given = fetch, clock = steadyClock() }: ProvedBroker) {
  const base = `${url.replace(/\/$/, "")}/clients/${encodeURIComponent(merchant)}`;
  const shop = (path: string) => () => {
    const ask = async (): Promise<Answer> =>
      readToken(given, base + path, { headers: { Authorization: `Bearer ${await proof()}` } });
    // A proof is short-lived, so a refused one is replaced once.
    const retried = () =>
      ask().catch((error: TokenBrokerError) => {
        if (error.status !== 401) throw error;
        return ask();
      });
    return tokenSource(retried, given, clock, KEEPING);
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

async function parts(request: Request) {
  return { method: request.method, headers: request.headers, body: request.body ? await request.text() : null };
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
