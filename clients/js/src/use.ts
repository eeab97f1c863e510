import type { Token } from "./contract.js";
import { TokenBrokerError } from "./errors.js";

/**
 * Return the address and the options of a request with the token where the broker says that it belongs. A relative address
 * starts at the provider's.
 */
export function withToken(
  { use, accessToken }: Token,
  input: string | URL = "",
  init?: RequestInit,
): [url: string, init: RequestInit] {
  if (!use.url) throw new TokenBrokerError({ code: "not_fetchable" });
  const url = new URL(input, use.url);
  const headers = new Headers(init?.headers);
  if (use.in === "header") headers.set(use.name, accessToken);
  if (use.in === "query") url.searchParams.set(use.name, accessToken);
  return [url.href, { ...init, headers }];
}
