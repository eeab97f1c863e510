import assert from "node:assert/strict";
import { test } from "node:test";
import { tokenBroker } from "@token-broker/storefront";
import { brokerInMemory } from "@token-broker/storefront/testing";
import { failureOf, settled } from "./turns.mjs";

const proof = async () => ({ proof: "signed", sessionId: "checkout-1" });

/** Return a source of tokens that live for an hour. The broker's time is years from this machine's. */
function session(options = {}) {
  const broker = brokerInMemory();
  return { broker, checkout: tokenBroker({ ...broker.options, ...options }).chicksx({ proof }) };
}

test("a token is used for its life by the broker's clock, whatever the time is here", async () => {
  const { broker, checkout } = session();
  await checkout.token();

  await broker.clock.advance(2800);
  await checkout.token();
  await settled();
  assert.equal(broker.requests.length, 1);

  await broker.clock.advance(850);
  assert.equal(checkout.peek(), undefined);
  assert.equal((await checkout.token()).tokenId, "token-2");
});

test("where no script can read the broker's time, a token is used for a minute at most", async () => {
  const broker = brokerInMemory();
  const fetch = async (...request) => {
    const response = await broker.fetch(...request);
    response.headers.delete("Date");
    return response;
  };
  const checkout = tokenBroker({ ...broker.options, fetch }).chicksx({ proof });
  await checkout.token();

  await broker.clock.advance(40);
  assert.ok(checkout.peek());
  await broker.clock.advance(20);
  assert.equal(checkout.peek(), undefined);
});

test("a token is renewed early, and behind the one that is valid", async () => {
  const { broker, checkout } = session();
  await checkout.token();
  await broker.clock.advance(3550); // The broker makes another one in the last minute.

  const before = checkout.peek();
  assert.equal(await checkout.token(), before);
  await settled();

  assert.equal(checkout.peek().tokenId, "token-2");
});

test("a renewal that fails leaves a valid token alone, and is not repeated at each use", async () => {
  const { broker, checkout } = session();
  await checkout.token();
  await broker.clock.advance(3300);
  broker.fail({ code: "provider_error", status: 502, times: 100 });

  for (let use = 0; use < 5; use++) {
    assert.equal((await checkout.token()).tokenId, "token-1");
    await settled();
  }
  assert.equal(broker.requests.length, 2);

  await broker.clock.advance(280);
  assert.equal((await failureOf(checkout.token())).code, "provider_error");
});

test("a subscriber learns of a failed renewal, and still has the token", async () => {
  const { broker, checkout } = session();
  const seen = [];
  const leave = checkout.subscribe((token, error) => seen.push([token?.tokenId, error?.code]));
  await settled();
  broker.fail({ code: "provider_error", status: 502 });

  await broker.clock.advance(3300);

  assert.deepEqual(seen, [
    ["token-1", undefined],
    ["token-1", "provider_error"],
  ]);
  leave();
});

test("a token without an end is asked for again after a quarter of an hour", async () => {
  const broker = brokerInMemory();
  const shop = tokenBroker(broker.options).shopify();
  await shop.token();
  broker.rotate("shopify");

  await broker.clock.advance(901);
  assert.equal((await shop.token()).tokenId, "token-1");
  await settled();

  assert.equal(shop.peek().tokenId, "token-2");
});

test("a page that a server has rendered with a token sends no request", async () => {
  const broker = brokerInMemory();
  const token = { ...(await tokenBroker(broker.options).shopify().token()), expiresAt: 5000 };

  const checkout = tokenBroker(broker.options).chicksx({ proof, initial: { token, servedAt: 4000 } });

  assert.equal(await checkout.token(), token);
  assert.equal(broker.requests.length, 1);
  await broker.clock.advance(980);
  assert.equal(checkout.peek(), undefined);
});

for (const [jump, valid] of [
  [-7_200_000, true],
  [7_200_000, false],
]) {
  test(`a wall clock that is set by ${jump / 3_600_000} hours leads to one more request at most`, async (t) => {
    const { broker, checkout } = session({ clock: undefined });
    await checkout.token();
    const now = Date.now() + jump;
    t.mock.method(Date, "now", () => now);

    assert.equal(checkout.peek() !== undefined, valid);
    await checkout.token();
    await checkout.token();

    assert.equal(broker.requests.length, valid ? 1 : 2);
  });
}

test("a device that slept counts the time, although one of its clocks stood still", async (t) => {
  const { checkout } = session({ clock: undefined });
  await checkout.token();
  const stopped = performance.now();
  t.mock.method(performance, "now", () => stopped);
  const now = Date.now() + 3_700_000;
  t.mock.method(Date, "now", () => now);

  assert.equal(checkout.peek(), undefined);
});

test("time passes on the monotonic clock, although somebody has set the wall clock back", async (t) => {
  const { checkout } = session({ clock: undefined });
  await checkout.token();
  const [monotonic, wall] = [performance.now() + 3_700_000, Date.now() - 7_200_000];
  t.mock.method(performance, "now", () => monotonic);
  t.mock.method(Date, "now", () => wall);

  assert.equal(checkout.peek(), undefined);
});
