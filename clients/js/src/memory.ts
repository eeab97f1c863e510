import type { Token } from "./contract.js";
import type { Answer } from "./request.js";

/** The broker returns a stored token only while more seconds than this are left. */
const LEFT_AT_LEAST = 60;

export interface Keeping {
  /** After this time a token without an end is asked for again, behind the one in use. The default is 900. */
  revalidateSeconds?: number | undefined;
  /** After this time a token is not used any more, although it may be valid. By default there is no such time. */
  keepSeconds?: number | undefined;
}

/** A token with its times on the source's clock. */
export interface Held {
  token: Token;
  renewsAt: number;
  endsAt: number;
}

/**
 * Return the token with its times. Its life is counted by the broker's clock, and the visitor's may be wrong. It ends a little
 * early, and is renewed in its last fifth, each page at another moment.
 */
export function held(
  { token, servedAt }: Answer,
  now: number,
  { revalidateSeconds = 900, keepSeconds = Infinity }: Keeping,
): Held {
  const life = token.expiresAt === null ? Infinity : servedAt ? token.expiresAt - servedAt : LEFT_AT_LEAST;
  const left = Math.min(life, keepSeconds);
  return {
    token,
    renewsAt: now + (token.expiresAt === null ? revalidateSeconds : left) * (0.8 + Math.random() / 10),
    endsAt: now + Math.max(left * 0.9, left - 30),
  };
}
