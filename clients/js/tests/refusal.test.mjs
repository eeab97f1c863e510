import assert from "node:assert/strict";
import { test } from "node:test";
import { tokenBroker } from "@token-broker/storefront";
import { brokerInMemory } from "@token-broker/storefront/testing";
import { after, failureOf, settled } from "./turns.mjs";

/** Return a source with its first token in use. */
async function inUse(provider = "shopify") {
  const broker = brokerInMemory();
  const source = tokenBroker(broker.options)[provider]();
  await source.token();
  broker.requests.length = 0;
  return { broker, source };
}

const asked = (broker) => broker.requests.filter(({ url }) => url.startsWith(broker.options.url));

test("the token goes where the broker says, and the page's own options stay", async () => {
  const broker = brokerInMemory();
  const { shopify, fourthwall } = tokenBroker(broker.options);
  const init = { method: "POST", body: "{}", headers: { "Content-Type": "application/json" } };

  await shopify().fetch(undefined, init);
  await fourthwall().fetch("collections?page=2");

  const [, graphql, , collections] = broker.requests;
  assert.equal(graphql.url, "https://shopify.test/api/graphql.json");
  assert.equal(graphql.init.headers.get("X-Shopify-Storefront-Access-Token"), "value-1");
  assert.equal(graphql.init.headers.get("Content-Type"), "application/json");
  assert.deepEqual([graphql.init.method, graphql.init.body], ["POST", "{}"]);
  assert.equal(collections.url, "https://fourthwall.test/v1/collections?page=2&storefront_token=value-2");
  assert.deepEqual(init.headers, { "Content-Type": "application/json" });
});

test("a token for the provider's SDK can't be fetched with", async () => {
  const broker = brokerInMemory();
  const checkout = tokenBroker(broker.options).chicksx({ proof: async () => ({ proof: "p", sessionId: "s" }) });

  assert.equal((await failureOf(checkout.fetch())).code, "not_fetchable");
});

test("after a compromised rotation the first retry succeeds", async () => {
  const { broker, source } = await inUse();
  broker.rotate("shopify", { compromised: true });

  const response = await source.fetch();

  assert.equal(response.status, 200);
  assert.deepEqual(
    asked(broker).map(({ init }) => init.cache),
    ["reload"],
  );
});

for (const refusedAfter of [0, 1, 5, 10, 17, 22, 26, 29.5]) {
  test(`a token that was deleted is replaced in 35 s, also if it is used ${refusedAfter} s later`, async () => {
    const { broker, source } = await inUse("fourthwall");
    await source.token({ fresh: true });
    broker.requests.length = 0;
    broker.revoke("fourthwall");
    await broker.clock.advance(refusedAfter);

    const { value, seconds } = await after(broker, source.fetch("collections"));

    assert.equal(value.status, 200);
    assert.ok(refusedAfter + seconds <= 35, `${refusedAfter} + ${seconds} s`);
    assert.ok(asked(broker).length <= 12, `${asked(broker).length} requests`);
  });
}

test("a token that the provider has ended is reported in 65 s, with few requests, and then again at once", async (t) => {
  t.mock.method(Math, "random", () => 0.9);
  const { broker, source } = await inUse();
  broker.end("shopify");

  const { error, seconds } = await after(broker, source.fetch());
  assert.equal(error.code, "token_refused");
  assert.deepEqual([error.retryable, error.detail], [false, "Token token-1"]);
  assert.ok(seconds <= 61, `${seconds} s, and the last request needs some`);
  assert.ok(asked(broker).length <= 22, `${asked(broker).length} requests`);

  broker.requests.length = 0;
  assert.equal(await failureOf(source.fetch()), error);
  assert.equal(broker.requests.length, 0);

  await broker.clock.advance(11);
  const again = await after(broker, source.fetch());
  assert.equal(again.error.code, "token_refused");
  assert.equal(again.seconds, 0);
  assert.ok(broker.requests.length <= 3);
});

test("a token that the provider accepts again is used again", async () => {
  const { broker, source } = await inUse();
  let refuses = true;
  const fetch = async (url, init) =>
    refuses && url.startsWith("https://shopify.test") ? new Response("", { status: 403 }) : broker.fetch(url, init);
  const shop = tokenBroker({ ...broker.options, fetch }).shopify();
  assert.equal((await after(broker, shop.fetch())).error.code, "token_refused");

  refuses = false;
  await broker.clock.advance(11);

  assert.equal((await shop.fetch()).status, 200);
  assert.equal(source.peek().tokenId, shop.peek().tokenId);
});

test("callers who are refused at once wait for the same new token", async () => {
  const { broker, source } = await inUse();
  broker.rotate("shopify", { compromised: true });

  const responses = await Promise.all(Array.from({ length: 20 }, () => source.fetch()));

  assert.deepEqual(new Set(responses.map(({ status }) => status)), new Set([200]));
  assert.equal(asked(broker).length, 1);
});

test("a refusal of a token that has been replaced already changes nothing", async () => {
  const { broker, source } = await inUse();
  broker.rotate("shopify", { compromised: true });
  const current = await source.token({ fresh: true });

  source.invalidate("token-1");

  assert.equal(source.peek(), current);
});

test("a request that was on its way does not bring the refused token back", async () => {
  const { broker, source } = await inUse();
  await broker.clock.advance(901);
  const renewing = source.token(); // asks behind the valid token, without skipping caches
  source.invalidate((await renewing).tokenId);
  broker.rotate("shopify", { compromised: true });

  assert.equal((await source.token()).tokenId, "token-2");
});

test("other answers of the provider are the page's own business", async () => {
  const { source } = await inUse();
  const response = await source.fetch("https://elsewhere.test/");

  assert.equal(response.status, 404);
  assert.ok(source.peek());
});

test("a stream is sent once, and the refusal is the page's to see", async () => {
  const { broker, source } = await inUse();
  broker.end("shopify");

  const response = await source.fetch(undefined, { method: "POST", body: new Blob(["{}"]).stream(), duplex: "half" });

  assert.equal(response.status, 401);
  assert.equal(asked(broker).length, 0);
});

test("an abort ends the wait for another token", async () => {
  const { broker, source } = await inUse();
  broker.end("shopify");
  const gone = new AbortController();
  const fetching = source.fetch(undefined, { signal: gone.signal });
  await broker.clock.advance(10);

  gone.abort(new Error("gone"));

  assert.match((await failureOf(fetching)).message, /gone/);
});

test("a subscriber gets the new token after a refusal without asking", async () => {
  const { broker, source } = await inUse();
  const seen = [];
  const leave = source.subscribe((token) => seen.push(token?.tokenId));
  broker.rotate("shopify", { compromised: true });

  source.invalidate("token-1");
  await settled();

  assert.deepEqual(seen, [undefined, "token-2"]);
  leave();
});
