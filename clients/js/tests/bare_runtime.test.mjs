/** The script for pages in a runtime that has only the web's network and time: no document, no storage, nothing of Node. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { createContext, runInContext } from "node:vm";

const SCRIPT = readFileSync(new URL("../dist/token-broker.js", import.meta.url), "utf8");
const NEEDED = { AbortSignal, Headers, Response, URL, ReadableStream, performance, queueMicrotask, setTimeout, clearTimeout };

function runtime(more) {
  const context = createContext({ ...NEEDED, ...more });
  runInContext(SCRIPT, context);
  return (script) => runInContext(`(async () => { ${script} })()`, context);
}

const token = { tokenId: "1", accessToken: "v", expiresAt: null, use: { in: "header", name: "X-T", url: "https://p.test/" } };
const fetch = async (url) => (url.startsWith("https://p.test/") ? new Response("{}") : Response.json(token));

test("the script needs nothing but the network and the time", async () => {
  const run = runtime({ fetch });

  const status = await run(`
    const shop = TokenBroker.tokenBroker({ url: "https://broker.test", merchant: "acme" }).shopify();
    shop.subscribe(() => {})();
    return (await shop.fetch()).status;`);

  assert.equal(status, 200);
});

test("blocked storage does not matter, since none is used", async () => {
  const run = runtime({ fetch });
  await run(`
    for (const name of ["localStorage", "sessionStorage", "indexedDB", "caches", "navigator"]) {
      Object.defineProperty(globalThis, name, { get() { throw new Error("SecurityError"); } });
    }`);
  await assert.rejects(run("localStorage"), /SecurityError/);

  const id = await run(`
    const broker = TokenBroker.tokenBroker({ url: "https://broker.test", merchant: "acme" });
    return (await broker.shopify().token()).tokenId;`);

  assert.equal(id, "1");
});
