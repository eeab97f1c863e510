/** A broker and its providers in memory, with faults and a clock, for the tests of pages. */
import type { Clock } from "./clock.js";
import type { Token, Use } from "./contract.js";
import type { Broker } from "./index.js";

export type Provider = "shopify" | "fourthwall" | "chicksx";

/** What the broker answers in place of a token. `body` is sent as it is, without a problem document. */
export interface Fault {
  code?: string;
  status?: number;
  retryable?: boolean;
  retryAfter?: number;
  body?: string;
  /** The request reaches nobody. */
  offline?: true;
  /** How many requests fail. The default is 1. */
  times?: number;
}

export interface SeenRequest {
  url: string;
  init: RequestInit;
}

export interface ManualClock extends Clock {
  /** Let time pass, and run what becomes due in between. */
  advance(seconds: number): Promise<void>;
}

const USES: Record<Provider, Use> = {
  shopify: { in: "header", name: "X-Shopify-Storefront-Access-Token", url: "https://shopify.test/api/graphql.json" },
  fourthwall: { in: "query", name: "storefront_token", url: "https://fourthwall.test/v1/" },
  chicksx: { in: "sdk", name: "authenticationToken" },
};
const PATHS: [RegExp, Provider][] = [
  [/\/shopify\/storefront-access-token$/, "shopify"],
  [/\/fourthwall\/public-token$/, "fourthwall"],
  [/\/chicksx\/public-tokens$/, "chicksx"],
];
/** A function of the broker has a token in memory for as long. */
const MEMORY = 30;
const SESSION_LIFE = 3600;

/** Return a clock that stands still until it is told otherwise. */
export function manualClock(): ManualClock {
  let now = 0;
  const timers = new Set<{ at: number; run: () => void }>();
  return {
    elapsed: () => now,
    after(seconds, run) {
      const timer = { at: now + seconds, run };
      timers.add(timer);
      return () => timers.delete(timer);
    },
    async advance(seconds) {
      const end = now + seconds;
      for (;;) {
        await settled();
        const due = [...timers].filter((timer) => timer.at <= end).sort((a, b) => a.at - b.at)[0];
        if (!due) break;
        timers.delete(due);
        now = Math.max(now, due.at);
        due.run();
      }
      now = end;
    },
  };
}

/** Return a broker. Give its `options` to `tokenBroker`. Its `fetch` also answers for the providers. */
export function brokerInMemory({ merchant = "acme", clock = manualClock() }: { merchant?: string; clock?: ManualClock } = {}) {
  const url = "https://broker.test/v1";
  const requests: SeenRequest[] = [];
  const faults: (Fault & { times: number })[] = [];
  const tokensByName = new Map<string, Tokens>();
  let issued = 0;

  const tokensOf = (name: string): Tokens => {
    const known = tokensByName.get(name) ?? { accepted: new Set(), cached: undefined, cachedUntil: 0, current: undefined };
    tokensByName.set(name, known);
    return known;
  };
  /** The broker's time in Unix seconds. It is not the machine's. */
  const time = () => Math.floor(2_000_000_000 + clock.elapsed());

  const minted = (provider: Provider, subject: string): Token => {
    const tokenId = `token-${++issued}`;
    const token: Token = {
      provider,
      merchant,
      tokenId,
      accessToken: `value-${issued}`,
      tokenType: "Bearer",
      scope: [],
      issuedAt: time(),
      expiresAt: provider === "chicksx" ? time() + SESSION_LIFE : null,
      subject,
      use: USES[provider],
      providerData: {},
    };
    tokensOf(provider).accepted.add(token.accessToken);
    return token;
  };

  const tokenFor = (provider: Provider, subject: string): Token => {
    const known = tokensOf(provider === "chicksx" ? subject : provider);
    if (known.cached && clock.elapsed() < known.cachedUntil) return known.cached;
    if (!known.current || (known.current.expiresAt ?? Infinity) < time() + 60) known.current = minted(provider, subject);
    known.cached = known.current;
    known.cachedUntil = provider === "chicksx" ? 0 : clock.elapsed() + MEMORY;
    return known.current;
  };

  const answered = (status: number, body: unknown, headers: Record<string, string> = {}) =>
    new Response(typeof body === "string" ? body : JSON.stringify(body), {
      status,
      headers: {
        "Content-Type": "application/json",
        Date: new Date(time() * 1000).toUTCString(),
        "x-amzn-RequestId": `request-${requests.length}`,
        ...headers,
      },
    });

  const fromBroker = (provider: Provider, init: RequestInit): Response => {
    const fault = faults[0];
    if (!fault) {
      const session = init.body ? (JSON.parse(init.body as string) as { sessionId: string }).sessionId : undefined;
      return answered(200, tokenFor(provider, session ? `session:${session}` : "shop"));
    }
    if (!--fault.times) faults.shift();
    if (fault.offline) throw new TypeError("Failed to fetch");
    const { code = "internal_error", status = 500, retryable = false, retryAfter } = fault;
    const problem = { code, status, retryable, title: code, requestId: `request-${requests.length}` };
    return answered(status, fault.body ?? problem, retryAfter ? { "Retry-After": String(retryAfter) } : {});
  };

  const fetch = async (address: string, init: RequestInit = {}): Promise<Response> => {
    requests.push({ url: address, init });
    init.signal?.throwIfAborted();
    const { origin, pathname, searchParams } = new URL(address);
    const asked = PATHS.find(([path]) => path.test(pathname));
    if (address.startsWith(url) && asked) return fromBroker(asked[1], init);
    for (const [provider, use] of Object.entries(USES)) {
      if (!use.url?.startsWith(origin)) continue;
      const value = use.in === "header" ? new Headers(init.headers).get(use.name) : searchParams.get(use.name);
      return tokensOf(provider).accepted.has(value ?? "") ? answered(200, { data: {} }) : answered(401, { errors: "unauthorized" });
    }
    return answered(404, { code: "invalid_request", status: 404, retryable: false });
  };

  return {
    fetch,
    clock,
    requests,
    options: { url, merchant, fetch, clock } satisfies Broker,

    /** Have the next requests to the broker fail. */
    fail(fault: Fault): void {
      faults.push({ times: 1, ...fault });
    },
    /** Replace the token. The one before stays valid, unless it is compromised. Functions have no old token in memory then. */
    rotate(provider: Provider, { compromised = false } = {}): void {
      const known = tokensOf(provider);
      if (compromised) {
        known.accepted.clear();
        known.cached = undefined;
      }
      known.current = minted(provider, "shop");
    },
    /** Revoke the current token, as `DELETE` does. Functions return it from memory for up to 30 s. */
    revoke(provider: Provider): void {
      const known = tokensOf(provider);
      known.accepted.clear();
      known.current = undefined;
    },
    /** Have the provider end its tokens by itself. The broker does not learn of it. */
    end(provider: Provider): void {
      tokensOf(provider).accepted.clear();
    },
  };
}

interface Tokens {
  accepted: Set<string>;
  current: Token | undefined;
  cached: Token | undefined;
  cachedUntil: number;
}

/** Wait until nothing happens any more without time. A body is read in several turns of the event loop. */
async function settled(): Promise<void> {
  for (let turn = 0; turn < 8; turn++) {
    await new Promise<void>((resolve) => {
      const { port1, port2 } = new MessageChannel();
      port1.onmessage = () => {
        port1.close();
        resolve();
      };
      port2.postMessage(undefined);
    });
  }
}
