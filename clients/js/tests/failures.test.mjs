import assert from "node:assert/strict";
import { test } from "node:test";
import { TokenBrokerError, tokenBroker } from "@token-broker/storefront";
import { brokerInMemory } from "@token-broker/storefront/testing";
import { after, failureOf } from "./turns.mjs";

function failing(fault) {
  const broker = brokerInMemory();
  broker.fail({ times: Infinity, ...fault });
  return { broker, shop: tokenBroker(broker.options).shopify() };
}

test("a failure that is not retryable is asked for once, and shared for ten seconds", async () => {
  const { broker, shop } = failing({ code: "forbidden", status: 403 });

  for (let call = 0; call < 5; call++) {
    const error = await failureOf(shop.token());
    assert.ok(error instanceof TokenBrokerError);
    assert.deepEqual([error.code, error.status, error.retryable, error.requestId], ["forbidden", 403, false, "request-1"]);
  }
  assert.equal(broker.requests.length, 1);

  await broker.clock.advance(11);
  await failureOf(shop.token());
  assert.equal(broker.requests.length, 2);
});

test("a retryable failure is asked for again, after the seconds that the broker names", async () => {
  const { broker, shop } = failing({ code: "mint_in_progress", status: 503, retryable: true, retryAfter: 3, times: 2 });

  const { value, seconds } = await after(broker, shop.token());

  assert.equal(value.tokenId, "token-1");
  assert.ok(seconds >= 6, `${seconds} s`);
  assert.equal(broker.requests.length, 3);
});

test("after three attempts the caller gets the error", async () => {
  const { broker, shop } = failing({ code: "storage_unavailable", status: 503, retryable: true });

  const { error, seconds } = await after(broker, shop.token());

  assert.equal(error.code, "storage_unavailable");
  assert.ok(seconds < 5, `${seconds} s`);
  assert.equal(broker.requests.length, 3);
});

test("a long time to wait goes to the caller at once, and nobody asks before", async () => {
  const { broker, shop } = failing({ code: "rate_limited", status: 429, retryable: true, retryAfter: 45 });

  assert.equal((await failureOf(shop.token())).retryAfter, 45);
  await broker.clock.advance(44);
  await failureOf(shop.token({ fresh: true }));

  assert.equal(broker.requests.length, 1);
});

test("the attempts of a fresh request skip the caches, each of them", async () => {
  const { broker, shop } = failing({ code: "storage_unavailable", status: 503, retryable: true, times: 1 });

  await after(broker, shop.token({ fresh: true }));
  await broker.clock.advance(901);
  await shop.token();

  assert.deepEqual(
    broker.requests.map(({ init }) => init.cache),
    ["reload", "reload", undefined],
  );
});

test("with a subscriber a failure is tried again in the background, not often, until it can't help", async () => {
  const { broker, shop } = failing({ offline: true, times: 6 });
  const seen = [];
  const leave = shop.subscribe((token, error) => seen.push(error?.code ?? token.tokenId));

  await broker.clock.advance(25);
  assert.equal(broker.requests.length, 3);
  await broker.clock.advance(55);
  assert.deepEqual(seen, ["network", "network", "token-1"]);
  leave();

  const refused = failing({ code: "forbidden", status: 403 });
  refused.shop.subscribe(() => {});
  await refused.broker.clock.advance(100_000);
  assert.equal(refused.broker.requests.length, 1);
});

const HTML = "<!doctype html><title>502 Bad Gateway</title>";
for (const [what, fault, attempts] of [
  ["HTML with 502", { status: 502, body: HTML }, 3],
  ["HTML with 403, as of a firewall", { status: 403, body: HTML }, 1],
  ["HTML with 200, as of a portal", { status: 200, body: HTML }, 3],
  ["an empty answer", { status: 200, body: "" }, 3],
  ["a cut-off answer", { status: 200, body: '{"tokenId": "token-1", "accessTok' }, 3],
  ["null", { status: 200, body: "null" }, 3],
  ["another JSON", { status: 403, body: '{"message":"Forbidden"}' }, 1],
  ["a token without a use", { status: 200, body: '{"tokenId":"1","accessToken":"v","expiresAt":null}' }, 3],
  ["a token without a value", { status: 200, body: '{"tokenId":"1","accessToken":null,"expiresAt":null,"use":{"name":"n"}}' }, 3],
  ["a token without an end", { status: 200, body: '{"tokenId":"1","accessToken":"v","use":{"name":"n"}}' }, 3],
  ["a token that has ended", { status: 200, body: '{"tokenId":"1","accessToken":"v","expiresAt":5,"use":{"name":"n"}}' }, 3],
]) {
  test(`${what} is an error with the request's id, after ${attempts} attempts at most`, async () => {
    const { broker, shop } = failing(fault);

    const { error } = await after(broker, shop.token());

    assert.ok(error instanceof TokenBrokerError);
    assert.deepEqual([error.code, error.status], ["invalid_answer", fault.status]);
    assert.equal(error.requestId, `request-${attempts}`);
    assert.equal(broker.requests.length, attempts);
  });
}

test("a body that breaks off is an error with the request's id", async () => {
  const broker = brokerInMemory();
  const broken = () =>
    new Response(new ReadableStream({ pull: (controller) => controller.error(new TypeError("reset")) }), {
      headers: { "x-amzn-RequestId": "from-the-gateway" },
    });
  const shop = tokenBroker({ ...broker.options, fetch: async () => broken() }).shopify();

  const { error } = await after(broker, shop.token());

  assert.deepEqual([error.code, error.requestId], ["network", "from-the-gateway"]);
});

test("no connection is an error with the cause, and the next call works", async () => {
  const { broker, shop } = failing({ offline: true, times: 3 });

  const { error } = await after(broker, shop.token());
  assert.deepEqual([error.code, error.status, error.retryable], ["network", 0, true]);
  assert.ok(error.cause instanceof TypeError);

  await broker.clock.advance(1);
  assert.equal((await shop.token()).tokenId, "token-1");
});

test("a broker that does not answer is an error after half a minute", async (t) => {
  const over = AbortSignal.abort(new DOMException("The time is over", "TimeoutError"));
  const limited = t.mock.method(AbortSignal, "timeout", () => over);
  const broker = brokerInMemory();
  const silent = (_url, { signal }) => (signal ? Promise.reject(signal.reason) : new Promise(() => {}));

  const { error } = await after(broker, tokenBroker({ ...broker.options, fetch: silent }).shopify().token());

  assert.deepEqual(limited.mock.calls[0].arguments, [30_000]);
  assert.deepEqual([error.code, error.cause.name], ["network", "TimeoutError"]);
});
