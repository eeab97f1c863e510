import assert from "node:assert/strict";
import { test } from "node:test";
import { tokenBroker } from "@token-broker/storefront";
import { brokerInMemory } from "@token-broker/storefront/testing";
import { failureOf, settled } from "./turns.mjs";

function source(provider = "shopify") {
  const broker = brokerInMemory();
  return { broker, source: tokenBroker(broker.options)[provider]() };
}

test("fifty callers share one request", async () => {
  const { broker, source: shop } = source();

  const tokens = await Promise.all(Array.from({ length: 50 }, () => shop.token()));

  assert.equal(new Set(tokens).size, 1);
  assert.equal(broker.requests.length, 1);
});

test("no request is sent before a source is used", () => {
  const { broker, source: shop } = source();

  assert.equal(shop.peek(), undefined);
  assert.equal(broker.requests.length, 0);
});

test("a request for a shop's token has no header, so that the browser sends no preflight", async () => {
  const { broker, source: shop } = source();

  await shop.token();
  await shop.token({ fresh: true });

  assert.deepEqual(
    broker.requests.map(({ init: { signal, ...rest } }) => rest),
    [{}, { cache: "reload" }],
  );
});

test("a caller that gives up waiting does not stop the others", async () => {
  const { broker, source: shop } = source();
  const gone = new AbortController();
  const [one, two] = [shop.token({ signal: gone.signal }), shop.token()];

  gone.abort(new Error("gone"));

  assert.match((await failureOf(one)).message, /gone/);
  assert.equal((await two).tokenId, "token-1");
  assert.equal(broker.requests.length, 1);
});

test("a signal that lives longer than a request keeps nothing of it", async (t) => {
  const { source: shop } = source();
  const { signal } = new AbortController();
  const listens = ["addEventListener", "removeEventListener"].map((name) => t.mock.method(signal, name));

  await shop.token({ signal });
  await settled();

  assert.deepEqual(
    listens.map(({ mock }) => mock.callCount()),
    [1, 1],
  );
});

test("a call that was aborted before sends no request", async () => {
  const { broker, source: shop } = source();

  await failureOf(shop.token({ signal: AbortSignal.abort() }));

  assert.equal(broker.requests.length, 0);
});

test("a caller who wants a fresh token gets one, although another request is on its way", async () => {
  const { broker, source: shop } = source();

  const [, fresh] = await Promise.all([shop.token(), shop.token({ fresh: true }), shop.token({ fresh: true })]);

  assert.equal(fresh.tokenId, "token-1");
  assert.deepEqual(
    broker.requests.map(({ init }) => init.cache),
    [undefined, "reload"],
  );
});

test("without subscribers nothing happens in the background", async () => {
  const { broker, source: shop } = source();
  await shop.token();

  await broker.clock.advance(100_000);

  assert.equal(broker.requests.length, 1);
});

test("with a subscriber the token is renewed until the last one has left", async () => {
  const { broker, source: shop } = source();
  const seen = [];
  const leave = shop.subscribe((token) => seen.push(token?.tokenId));
  await settled();
  broker.rotate("shopify");

  await broker.clock.advance(901);
  assert.deepEqual(seen, ["token-1", "token-2"]);

  leave();
  await broker.clock.advance(10_000);
  assert.equal(broker.requests.length, 2);
});

test("a subscription to a token in memory sends no request", async () => {
  const { broker, source: shop } = source();
  await shop.token();

  shop.subscribe(() => {})();
  await settled();

  assert.equal(broker.requests.length, 1);
});

test("a listener that throws does not fail the others", async (t) => {
  const { source: shop } = source();
  const thrown = [];
  const caught = (run) => Promise.resolve().then(run).catch((error) => thrown.push(error.message));
  t.mock.method(globalThis, "queueMicrotask", caught);
  const seen = [];
  const leaving = [
    shop.subscribe(() => {
      throw new Error("a bug of the page");
    }),
    shop.subscribe((token) => seen.push(token.tokenId)),
  ];

  await shop.token();
  await settled();

  leaving.forEach((leave) => leave());
  assert.deepEqual([thrown, seen], [["a bug of the page"], ["token-1"]]);
});

test("a tab asks again when it becomes visible, only while somebody has subscribed", async (t) => {
  const page = Object.assign(new EventTarget(), { visibilityState: "hidden" });
  globalThis.document = page;
  t.after(() => delete globalThis.document);
  const { broker, source: shop } = source();
  const become = async (state) => {
    page.visibilityState = state;
    page.dispatchEvent(new Event("visibilitychange"));
    await settled();
  };
  const leave = shop.subscribe(() => {});
  await settled();
  broker.rotate("shopify");
  await broker.clock.advance(31);

  await become("hidden");
  assert.equal(broker.requests.length, 1);
  await become("visible");
  assert.equal(shop.peek().tokenId, "token-2");

  leave();
  await become("visible");
  assert.equal(broker.requests.length, 2);
});
