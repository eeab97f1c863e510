/**
 * Return a `fetch` that reports each exchange, as the page shows it:
 * {method, path, ok, status, milliseconds, requestId, cacheControl, fromCache}
 * `status` is null if the browser let the page read nothing.
 */
export function reporting(report) {
  return async (url, init = {}) => {
    const began = performance.now();
    const method = init.method ?? "GET";
    const path = new URL(url, location.href).pathname.replace(/^.*(?=\/storefront\/)/, "");
    const exchange = { method, path, ok: false, status: null, fromCache: false };
    try {
      const response = await fetch(url, init);
      const requestId = response.headers.get("X-Request-Id") ?? response.headers.get("x-amzn-RequestId");
      Object.assign(exchange, {
        ok: response.ok,
        status: response.status,
        requestId,
        cacheControl: response.headers.get("Cache-Control"),
        fromCache: method === "GET" && seenBefore(url, requestId),
      });
      return response;
    } finally {
      report({ ...exchange, milliseconds: performance.now() - began });
    }
  };
}

/** Return whether the response came from the browser's cache. Each response of the API has its own id. */
function seenBefore(url, requestId) {
  if (!requestId) return false;
  const before = sessionStorage.getItem(url);
  sessionStorage.setItem(url, requestId);
  return before === requestId;
}
