import { untilAborted } from "./abort.js";
import type { Clock } from "./clock.js";
import type { Token } from "./contract.js";
import { TokenBrokerError } from "./errors.js";
import { held, type Held, type Keeping } from "./memory.js";
import type { Answer, Fetch } from "./request.js";
import { withToken } from "./use.js";

/** Get a token from the broker. `fresh` skips every cache that can be skipped. */
export type Ask = (fresh: boolean) => Promise<Answer>;

export interface Options extends Keeping {
  /** A token that a server has put into the page, with the broker's time. See `dehydrate`. */
  initial?: Answer | undefined;
}

export type Listener = (token: Token | undefined, error?: TokenBrokerError) => void;

/** Keeps one token current, and shares it among all callers. It does nothing by itself without subscribers. */
export interface TokenSource {
  /** Return the token in memory, if it is still valid. */
  peek(): Token | undefined;
  /** Return a valid token. With `fresh`, ask the broker now. An abort ends this wait, and no other caller's. */
  token(how?: { fresh?: boolean; signal?: AbortSignal | null | undefined }): Promise<Token>;
  /**
   * Send a request with the token. If the provider refuses it, get another one and try once more. Without an address the
   * request goes to the token's own. A relative address starts there.
   */
  fetch(input?: string | URL, init?: RequestInit): Promise<Response>;
  /** Give out this token no more, since the provider refuses it. Another one in memory stays. */
  invalidate(tokenId: string): void;
  /** Keep the token current until the returned function is called. `listener` gets each new token and each failure. */
  subscribe(listener: Listener): () => void;
}

/** Attempts of one call, if the broker says that a failure can be retried. */
const TRIES = 3;
/** In seconds. A longer `Retry-After` goes to the caller, who decides. */
const LONGEST_WAIT = 10;
/** A function may have a revoked token in memory for 30 s, and a cache on the way for as long again. */
const ALL_MEMORIES = 60;
/** At most so long after a function has forgotten it, the next one is there. */
const LONGEST_PAUSE = 4;
/** Between two attempts in the background, if the broker names no time. */
const AFTER_FAILURE = 30;

export function tokenSource(ask: Ask, send: Fetch, clock: Clock, options: Options): TokenSource {
  const listeners = new Set<Listener>();
  let current: Held | undefined = options.initial && held(options.initial, clock.elapsed(), options);
  let flight: Promise<Token> | undefined;
  let freshWanted = false;
  let refused: { tokenId: string; until: number; reported?: true } | undefined;
  let failure: { error: TokenBrokerError; until: number } | undefined;
  let cancelTimer = () => {};

  const peek = () => (current && clock.elapsed() < current.endsAt ? current.token : undefined);

  const token: TokenSource["token"] = async ({ fresh, signal } = {}) => {
    const kept = peek();
    if (kept && !fresh) {
      if (clock.elapsed() > current!.renewsAt) renewBehind();
      return kept;
    }
    signal?.throwIfAborted();
    if (fresh) freshWanted = true;
    return untilAborted(renew(), signal);
  };

  const fetch: TokenSource["fetch"] = async (input, init) => {
    // A stream can be sent only once.
    for (let last = init?.body instanceof ReadableStream; ; last = true) {
      const used = await token({ signal: init?.signal });
      const response = await send(...withToken(used, input, init));
      if (last || (response.status !== 401 && response.status !== 403)) return response;
      invalidate(used.tokenId);
    }
  };

  const invalidate = (tokenId: string) => {
    if (current?.token.tokenId !== tokenId) return;
    // If it was reported and given out once more, it is reported at once.
    refused = { tokenId, until: clock.elapsed() + (refused?.tokenId === tokenId ? 0 : ALL_MEMORIES) };
    current = undefined;
    tell();
    if (listeners.size) renewBehind();
  };

  const subscribe = (listener: Listener) => {
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

  const renew = () => (flight ??= attempts().finally(() => (flight = undefined)));

  const renewBehind = () => {
    renew().catch(() => {});
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
        const error = caught as TokenBrokerError;
        const wait = error.retryAfter ?? 0;
        if (!error.retryable || tries === TRIES || wait > LONGEST_WAIT) {
          ended({ error, until: clock.elapsed() + (wait || (error.retryable ? 1 : 10)) });
          throw error;
        }
        await pause(Math.max(wait, 2 ** tries * jitter(0.2)));
      }
    }
  };

  /** Ask until the broker returns another token than the provider refuses. The number of requests is bounded. */
  const otherThanRefused = async () => {
    for (let asked = 0; ; asked++) {
      const fresh = freshWanted || !!refused;
      const answer = await ask(fresh);
      // Somebody may have called for a fresh one meanwhile.
      if (!fresh && (freshWanted || refused)) continue;
      if (answer.token.tokenId !== refused?.tokenId) refused = undefined;
      if (!refused || refused.reported) return answer;
      const left = refused.until - clock.elapsed();
      if (left <= 0) {
        refused.reported = true;
        throw new TokenBrokerError({ code: "token_refused", detail: `Token ${refused.tokenId}` });
      }
      await pause(Math.min(left, Math.min(LONGEST_PAUSE, 2 ** asked) * jitter(0.8)));
    }
  };

  const ended = (failed?: typeof failure) => {
    failure = failed;
    freshWanted = false;
    tell(failed?.error);
    schedule();
  };

  const tell = (error?: TokenBrokerError) => {
    const kept = peek();
    // A listener that throws ends only itself.
    for (const listener of listeners) queueMicrotask(() => listener(kept, error));
  };

  const schedule = () => {
    cancelTimer();
    // Nothing is asked in the background until somebody has changed something.
    if (!listeners.size || (failure && !failure.error.retryable)) return;
    const now = clock.elapsed();
    const wait = failure ? Math.max(failure.until - now, AFTER_FAILURE) : current!.renewsAt - now;
    cancelTimer = clock.after(Math.max(wait, 1), renewBehind);
  };

  const pause = (seconds: number) => new Promise<void>((resolve) => clock.after(seconds, resolve));

  return { peek, token, fetch, invalidate, subscribe };
}

/** Return a factor between `least` and a quarter more. */
function jitter(least: number): number {
  return least * (1 + Math.random() / 4);
}
