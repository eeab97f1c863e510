// Built from clients/js/src by `make browser-client`.

// src/clock.ts
var LONGEST_TIMER = 2 ** 31 - 1;
function steadyClock() {
  let monotonic = performance.now();
  let wall = Date.now();
  let total = 0;
  return {
    elapsed() {
      const monotonicStep = -monotonic + (monotonic = performance.now());
      const wallStep = -wall + (wall = Date.now());
      total += Math.max(0, monotonicStep, wallStep) / 1e3;
      return total;
    },
    after(seconds, run) {
      const timer = setTimeout(run, Math.min(seconds * 1e3, LONGEST_TIMER));
      return () => clearTimeout(timer);
    }
  };
}

// src/errors.ts
var TokenBrokerError = class extends Error {
  name = "TokenBrokerError";
  constructor(failure, cause) {
    super(failure.detail ?? failure.code, { cause });
    Object.assign(this, { status: 0, retryable: false }, failure);
  }
};

// src/proof.ts
function withProof(proof, ask) {
  const prove = async () => {
    let proved;
    let cause;
    try {
      proved = await proof();
    } catch (error) {
      cause = error;
    }
    if (proved) return proved;
    throw new TokenBrokerError({ code: "proof_unavailable", retryable: cause instanceof TypeError }, cause);
  };
  const once = () => prove().then(ask);
  return () => once().catch((error) => {
    if (error.status !== 401) throw error;
    return once();
  });
}

// src/request.ts
var TIME_LIMIT = 3e4;
async function call(send, url, init, accept = () => true) {
  let response;
  let failure = { code: "network", retryable: true };
  let cause;
  const header = (name) => response?.headers.get(name) ?? void 0;
  try {
    response = await send(url, { ...init, signal: AbortSignal.timeout(TIME_LIMIT) });
    const text = await response.text();
    failure = { code: "invalid_answer", retryable: response.ok || response.status >= 500 };
    const body = JSON.parse(text);
    const servedAt = Date.parse(header("Date")) / 1e3 || void 0;
    if (response.ok && accept(body, servedAt)) return { body, servedAt };
    if (!response.ok && body?.code) failure = body;
  } catch (error) {
    cause = error;
  }
  throw new TokenBrokerError(
    {
      ...failure,
      status: response?.status ?? 0,
      retryAfter: Number(header("Retry-After")) || void 0,
      requestId: failure.requestId ?? header("x-amzn-RequestId")
    },
    cause
  );
}
async function readToken(send, url, init) {
  const { body, servedAt } = await call(send, url, init, isValid);
  return { token: body, servedAt };
}
function isValid(body, servedAt = 0) {
  const token = body;
  const { tokenId, accessToken, use, expiresAt } = token ?? {};
  return !!tokenId && !!accessToken && !!use?.name && (expiresAt === null || expiresAt > servedAt);
}

// src/abort.ts
function untilAborted(work, signal) {
  if (!signal) return work;
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason);
    signal.addEventListener("abort", abort);
    work.then(resolve, reject).finally(() => signal.removeEventListener("abort", abort));
  });
}

// src/memory.ts
var LEFT_AT_LEAST = 60;
function held({ token, servedAt }, now, { revalidateSeconds = 900, keepSeconds = Infinity }) {
  const life = token.expiresAt === null ? Infinity : servedAt ? token.expiresAt - servedAt : LEFT_AT_LEAST;
  const left = Math.min(life, keepSeconds);
  return {
    token,
    renewsAt: now + (token.expiresAt === null ? revalidateSeconds : left) * (0.8 + Math.random() / 10),
    endsAt: now + Math.max(left * 0.9, left - 30)
  };
}

// src/use.ts
function withToken({ use, accessToken }, input = "", init) {
  if (!use.url) throw new TokenBrokerError({ code: "not_fetchable" });
  const url = new URL(input, use.url);
  const headers = new Headers(init?.headers);
  if (use.in === "header") headers.set(use.name, accessToken);
  if (use.in === "query") url.searchParams.set(use.name, accessToken);
  return [url.href, { ...init, headers }];
}

// src/source.ts
var TRIES = 3;
var LONGEST_WAIT = 10;
var ALL_MEMORIES = 60;
var LONGEST_PAUSE = 4;
var AFTER_FAILURE = 30;
function tokenSource(ask, send, clock, options) {
  const listeners = /* @__PURE__ */ new Set();
  let current = options.initial && held(options.initial, clock.elapsed(), options);
  let flight;
  let freshWanted = false;
  let refused;
  let failure;
  let cancelTimer = () => {
  };
  const peek = () => current && clock.elapsed() < current.endsAt ? current.token : void 0;
  const token = async ({ fresh, signal } = {}) => {
    const kept = peek();
    if (kept && !fresh) {
      if (clock.elapsed() > current.renewsAt) renewBehind();
      return kept;
    }
    signal?.throwIfAborted();
    if (fresh) freshWanted = true;
    return untilAborted(renew(), signal);
  };
  const fetch2 = async (input, init) => {
    for (let last = init?.body instanceof ReadableStream; ; last = true) {
      const used = await token({ signal: init?.signal });
      const response = await send(...withToken(used, input, init));
      if (last || response.status !== 401 && response.status !== 403) return response;
      invalidate(used.tokenId);
    }
  };
  const invalidate = (tokenId) => {
    if (current?.token.tokenId !== tokenId) return;
    refused = { tokenId, until: clock.elapsed() + (refused?.tokenId === tokenId ? 0 : ALL_MEMORIES) };
    current = void 0;
    tell();
    if (listeners.size) renewBehind();
  };
  const subscribe = (listener) => {
    if (!listeners.size) globalThis.document?.addEventListener("visibilitychange", wake);
    listeners.add(listener);
    if (peek()) schedule();
    else renewBehind();
    return () => {
      listeners.delete(listener);
      if (listeners.size) return;
      cancelTimer();
      globalThis.document?.removeEventListener("visibilitychange", wake);
    };
  };
  const wake = () => {
    if (document.visibilityState === "visible") renewBehind();
  };
  const renew = () => flight ??= attempts().finally(() => flight = void 0);
  const renewBehind = () => {
    renew().catch(() => {
    });
  };
  const attempts = async () => {
    if (failure && clock.elapsed() < failure.until) throw failure.error;
    for (let tries = 1; ; tries++) {
      try {
        const answer = await otherThanRefused();
        current = held(answer, clock.elapsed(), options);
        ended();
        return answer.token;
      } catch (caught) {
        const error = caught;
        const wait = error.retryAfter ?? 0;
        if (!error.retryable || tries === TRIES || wait > LONGEST_WAIT) {
          ended({ error, until: clock.elapsed() + (wait || (error.retryable ? 1 : 10)) });
          throw error;
        }
        await pause(Math.max(wait, 2 ** tries * jitter(0.2)));
      }
    }
  };
  const otherThanRefused = async () => {
    for (let asked = 0; ; asked++) {
      const fresh = freshWanted || !!refused;
      const answer = await ask(fresh);
      if (!fresh && (freshWanted || refused)) continue;
      if (answer.token.tokenId !== refused?.tokenId) refused = void 0;
      if (!refused || refused.reported) return answer;
      const left = refused.until - clock.elapsed();
      if (left <= 0) {
        refused.reported = true;
        throw new TokenBrokerError({ code: "token_refused", detail: `Token ${refused.tokenId}` });
      }
      await pause(Math.min(left, Math.min(LONGEST_PAUSE, 2 ** asked) * jitter(0.8)));
    }
  };
  const ended = (failed) => {
    failure = failed;
    freshWanted = false;
    tell(failed?.error);
    schedule();
  };
  const tell = (error) => {
    const kept = peek();
    for (const listener of listeners) queueMicrotask(() => listener(kept, error));
  };
  const schedule = () => {
    cancelTimer();
    if (!listeners.size || failure && !failure.error.retryable) return;
    const now = clock.elapsed();
    const wait = failure ? Math.max(failure.until - now, AFTER_FAILURE) : current.renewsAt - now;
    cancelTimer = clock.after(Math.max(wait, 1), renewBehind);
  };
  const pause = (seconds) => new Promise((resolve) => clock.after(seconds, resolve));
  return { peek, token, fetch: fetch2, invalidate, subscribe };
}
function jitter(least) {
  return least * (1 + Math.random() / 4);
}

// src/index.ts
function tokenBroker({ url, merchant, fetch: given, clock = steadyClock() }) {
  const send = given ?? ((...request) => fetch(...request));
  const base = `${url.replace(/\/$/, "")}/storefront/${encodeURIComponent(merchant)}`;
  const shop = (path) => (options = {}) => tokenSource(
    (fresh) => readToken(send, base + path, fresh ? { cache: "reload" } : {}),
    send,
    clock,
    options
  );
  const session = ({ proof, scope, ...options }) => {
    const ask = withProof(
      proof,
      (proved) => readToken(send, base + "/chicksx/public-tokens", {
        method: "POST",
        headers: { Authorization: `Bearer ${proved.proof}`, "Content-Type": "application/json" },
        body: JSON.stringify({ sessionId: proved.sessionId, scope })
      })
    );
    return tokenSource(ask, send, clock, options);
  };
  return {
    shopify: shop("/shopify/storefront-access-token"),
    fourthwall: shop("/fourthwall/public-token"),
    chicksx: session
  };
}
export {
  TokenBrokerError,
  tokenBroker
};
