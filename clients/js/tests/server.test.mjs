import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { test } from "node:test";
import { AwsClient } from "aws4fetch";
import { TokenBrokerError } from "@token-broker/storefront";
import { dehydrate, provedBroker, signClientProof, signProof, signedBroker } from "@token-broker/storefront/server";
import { brokerInMemory } from "@token-broker/storefront/testing";
import { failureOf } from "./turns.mjs";

const aws = new AwsClient({ accessKeyId: "AKIA", secretAccessKey: "secret", service: "execute-api", region: "eu-central-1" });
const GONE = new Error("The identity provider is down.");

test("each request to the broker is signed, and none to a provider", async () => {
  const broker = brokerInMemory();
  const shop = signedBroker({ ...broker.options, aws }).shopify();

  assert.equal((await shop.fetch()).status, 200);
  await shop.token({ fresh: true });

  const [first, provider, fresh] = broker.requests;
  assert.equal(first.url, "https://broker.test/v1/merchants/acme/shopify/storefront-access-token");
  assert.match(first.init.headers.get("Authorization"), /^AWS4-HMAC-SHA256 Credential=AKIA\/\d+\/eu-central-1\/execute-api/);
  assert.equal(provider.init.headers.get("Authorization"), null);
  assert.equal(fresh.init.headers.get("Cache-Control"), "no-cache");
  assert.match(fresh.init.headers.get("Authorization"), /SignedHeaders=cache-control;/);
});

test("a server gets the token of a session without a proof", async () => {
  const broker = brokerInMemory();

  const token = await signedBroker({ ...broker.options, aws }).chicksx({ sessionId: "checkout-1" }).token();

  assert.equal(token.subject, "session:checkout-1");
  assert.equal(broker.requests[0].url, "https://broker.test/v1/merchants/acme/chicksx/public-tokens");
});

test("a server keeps a token for half a minute, so that its pages have no revoked one", async () => {
  const broker = brokerInMemory();
  const shop = signedBroker({ ...broker.options, aws }).shopify();
  await shop.token();
  broker.rotate("shopify");

  await broker.clock.advance(20);
  assert.equal((await shop.token()).tokenId, "token-1");
  await broker.clock.advance(11);
  assert.equal((await shop.token()).tokenId, "token-2");
});

test("any other route is called with a body, and fails with the broker's error", async () => {
  const sent = [];
  const fetch = async (url, init) => {
    sent.push([init.method, url, init.body, init.headers.get("Idempotency-Key")]);
    return Response.json({ rotationId: "r" });
  };
  const { request } = signedBroker({ url: "https://broker.test/v1/", merchant: "acme", aws, fetch });

  const path = "/merchants/acme/shopify/rotations";
  assert.deepEqual(await request("POST", path, { compromised: true }, { "Idempotency-Key": "k" }), { rotationId: "r" });
  await request("GET", path);
  assert.deepEqual(sent, [
    ["POST", `https://broker.test/v1${path}`, '{"compromised":true}', "k"],
    ["GET", `https://broker.test/v1${path}`, null, null],
  ]);

  const refusing = async () => Response.json({ code: "forbidden", retryable: false, requestId: "r-1" }, { status: 403 });
  const refused = signedBroker({ url: "https://broker.test/v1", merchant: "acme", aws, fetch: refusing });
  const error = await failureOf(refused.request("GET", path));
  assert.ok(error instanceof TokenBrokerError);
  assert.deepEqual([error.code, error.status, error.requestId], ["forbidden", 403, "r-1"]);
});

test("without AWS credentials a proof is sent, and a refused one is replaced once", async () => {
  const broker = brokerInMemory();
  let proofs = 0;
  const shop = provedBroker({ ...broker.options, proof: () => `proof-${++proofs}` }).fourthwall();
  broker.fail({ code: "unauthenticated", status: 401 });

  await shop.token();

  assert.deepEqual(
    broker.requests.map(({ url, init }) => [url, init.headers.Authorization]),
    [1, 2].map((number) => ["https://broker.test/v1/clients/acme/fourthwall/public-token", `Bearer proof-${number}`]),
  );
});

for (const [what, proof, cause] of [
  ["fails", () => Promise.reject(GONE), GONE],
  ["returns nothing", () => process.env.NO_SUCH_VARIABLE, undefined],
]) {
  test(`a proof function that ${what} is an error of its own, and nothing is sent`, async () => {
    const broker = brokerInMemory();

    const error = await failureOf(provedBroker({ ...broker.options, proof }).shopify().token());

    assert.ok(error instanceof TokenBrokerError);
    assert.deepEqual([error.code, error.retryable, error.cause], ["proof_unavailable", false, cause]);
    assert.deepEqual(broker.requests, []);
  });
}

test("a signer that fails is an error of its own, is asked once, and nothing is sent", async () => {
  const broker = brokerInMemory();
  let calls = 0;
  const failing = { sign: async () => Promise.reject((calls++, GONE)) };
  const { shopify, request } = signedBroker({ ...broker.options, aws: failing });

  for (const call of [shopify().token(), request("GET", "/merchants/acme/trust-policy")]) {
    const error = await failureOf(call);
    assert.deepEqual([error.name, error.code, error.retryable, error.cause], ["TokenBrokerError", "signing_failed", false, GONE]);
  }
  assert.equal(calls, 2);
  assert.deepEqual(broker.requests, []);
});

test("a proof has the claims and the signature that the trust policy asks for", async () => {
  const now = Math.floor(Date.now() / 1000);
  const key = "a key with ümlauts";
  const given = { key, kid: "2026-11", issuer: "https://shop.example", audience: "token-broker" };

  const proof = await signProof({ ...given, sessionId: "checkout-1", claims: { role: "guest" } });

  const [header, claims, signature] = proof.split(".");
  const decoded = (part) => JSON.parse(Buffer.from(part, "base64url").toString());
  assert.deepEqual(decoded(header), { alg: "HS256", typ: "JWT", kid: "2026-11" });
  const { iat, exp, ...rest } = decoded(claims);
  assert.deepEqual(rest, { iss: "https://shop.example", aud: "token-broker", sid: "checkout-1", role: "guest" });
  assert.ok(iat - now <= 1 && exp - iat === 300);
  assert.equal(signature, createHmac("sha256", key).update(`${header}.${claims}`).digest("base64url"));
});

test("a client's proof is for the shop and names no session", async () => {
  const given = { key: "k", kid: "2026-11", issuer: "https://shop.example", audience: "token-broker" };

  const proof = await signClientProof({ ...given, claims: { role: "build", sub: "visitor-1" } });

  const { iat, exp, ...rest } = JSON.parse(Buffer.from(proof.split(".")[1], "base64url").toString());
  assert.deepEqual(rest, { iss: "https://shop.example", aud: "token-broker", role: "build", sub: "shop" });
});

test("a page gets the token with the time of its rendering", async () => {
  const broker = brokerInMemory();

  const initial = await dehydrate(signedBroker({ ...broker.options, aws }).shopify());

  assert.equal(initial.token.tokenId, "token-1");
  assert.ok(Math.abs(initial.servedAt - Date.now() / 1000) < 2);
});
