import assert from "node:assert/strict";
import { test } from "node:test";
import { tokenBroker } from "@token-broker/storefront";
import { brokerInMemory } from "@token-broker/storefront/testing";
import { after, failureOf } from "./turns.mjs";

test("each request has a new proof, the session and its scopes", async () => {
  const broker = brokerInMemory();
  let signed = 0;
  const checkout = tokenBroker(broker.options).chicksx({
    proof: async () => ({ proof: `proof-${++signed}`, sessionId: "checkout-1" }),
    scope: ["wallet.read"],
  });

  const token = await checkout.token();
  await checkout.token({ fresh: true });

  assert.equal(token.subject, "session:checkout-1");
  const [first, second] = broker.requests.map(({ init }) => init);
  assert.equal(first.method, "POST");
  assert.equal(first.headers.Authorization, "Bearer proof-1");
  assert.equal(second.headers.Authorization, "Bearer proof-2");
  assert.deepEqual(JSON.parse(first.body), { sessionId: "checkout-1", scope: ["wallet.read"] });
});

test("a proof that is refused is replaced once", async () => {
  const broker = brokerInMemory();
  const checkout = tokenBroker(broker.options).chicksx({ proof: async () => ({ proof: "p", sessionId: "s" }) });
  broker.fail({ code: "unauthenticated", status: 401 });

  assert.equal((await checkout.token()).tokenId, "token-1");

  broker.fail({ code: "unauthenticated", status: 401, times: 100 });
  broker.requests.length = 0;
  const error = await failureOf(checkout.token({ fresh: true }));
  assert.deepEqual([error.code, error.requestId], ["unauthenticated", "request-2"]);
  assert.equal(broker.requests.length, 2);
});

test("a session that is closed stays closed", async () => {
  const broker = brokerInMemory();
  const checkout = tokenBroker(broker.options).chicksx({ proof: async () => ({ proof: "p", sessionId: "s" }) });
  broker.fail({ code: "session_closed", status: 410, times: Infinity });
  const seen = [];
  const leave = checkout.subscribe((_token, error) => seen.push(error.code));

  await broker.clock.advance(100_000);

  assert.deepEqual(seen, ["session_closed"]);
  assert.equal(broker.requests.length, 1);
  leave();
});

test("a backend that gives no proof is an error with its cause", async () => {
  const broker = brokerInMemory();
  const cause = new SyntaxError("not JSON");
  const loggedOut = tokenBroker(broker.options).chicksx({ proof: () => Promise.reject(cause) });

  const error = await failureOf(loggedOut.token());

  assert.deepEqual([error.code, error.retryable, error.cause], ["proof_unavailable", false, cause]);
});

test("a backend that can't be reached is asked for a proof again", async () => {
  const broker = brokerInMemory();
  let calls = 0;
  const checkout = tokenBroker(broker.options).chicksx({
    proof: async () => {
      if (++calls < 3) throw new TypeError("Failed to fetch");
      return { proof: "p", sessionId: "s" };
    },
  });

  assert.equal((await after(broker, checkout.token())).value.tokenId, "token-1");
});
