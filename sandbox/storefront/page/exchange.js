/**
 * One request and what became of it, as the page shows it:
 * {method, path, ok, status, milliseconds, body, requestId, retryAfter, cacheControl, fromCache}
 * `body` is the answer's JSON; `status` is null where the browser let the page read nothing.
 */
export async function exchange(method, url, { shown, headers, body, cache = "default" }) {
  const began = performance.now();
  const asked = { method, path: shown };
  try {
    const answer = await fetch(url, {
      method,
      headers: body === undefined ? headers : { "Content-Type": "application/json", ...headers },
      body: body === undefined ? undefined : JSON.stringify(body),
      cache,
    });
    const json = await answer.json().catch(() => ({}));
    const requestId = answer.headers.get("X-Request-Id") ?? answer.headers.get("x-amzn-RequestId") ?? json.requestId;
    return {
      ...asked,
      ok: answer.ok,
      status: answer.status,
      milliseconds: performance.now() - began,
      body: json,
      requestId,
      retryAfter: answer.headers.get("Retry-After"),
      cacheControl: answer.headers.get("Cache-Control"),
      fromCache: method === "GET" && seenBefore(url, requestId),
    };
  } catch {
    // fetch tells a page no more: neither whether there was an answer, nor what it said.
    return { ...asked, ok: false, status: null, milliseconds: performance.now() - began, body: {}, fromCache: false };
  }
}

/** Each answer of the API has an id of its own: the same id again is the same answer, out of the browser's cache. */
function seenBefore(url, requestId) {
  if (!requestId) return false;
  const before = sessionStorage.getItem(url);
  sessionStorage.setItem(url, requestId);
  return before === requestId;
}
