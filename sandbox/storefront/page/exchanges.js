/**
 * Send one request, and return it with its outcome, as the page shows it:
 * {method, path, ok, status, milliseconds, body, requestId, retryAfter, cacheControl, fromCache}
 * `body` is the response's JSON. `status` is null if the browser let the page read nothing.
 */
export async function exchange(method, url, { shown, headers, body, cache = "default" }) {
  const began = performance.now();
  const asked = { method, path: shown };
  try {
    const response = await fetch(url, {
      method,
      headers: body === undefined ? headers : { "Content-Type": "application/json", ...headers },
      body: body === undefined ? undefined : JSON.stringify(body),
      cache,
    });
    const json = await response.json().catch(() => ({}));
    const requestId = response.headers.get("X-Request-Id") ?? response.headers.get("x-amzn-RequestId") ?? json.requestId;
    return {
      ...asked,
      ok: response.ok,
      status: response.status,
      milliseconds: performance.now() - began,
      body: json,
      requestId,
      retryAfter: response.headers.get("Retry-After"),
      cacheControl: response.headers.get("Cache-Control"),
      fromCache: method === "GET" && seenBefore(url, requestId),
    };
  } catch {
    // fetch does not tell a page whether there was a response.
    return { ...asked, ok: false, status: null, milliseconds: performance.now() - began, body: {}, fromCache: false };
  }
}

/** Return whether the response came from the browser's cache. Each response of the API has its own id. */
function seenBefore(url, requestId) {
  if (!requestId) return false;
  const before = sessionStorage.getItem(url);
  sessionStorage.setItem(url, requestId);
  return before === requestId;
}
