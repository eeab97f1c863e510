import assert from "node:assert/strict";
import { test } from "node:test";
import { createElement } from "react";
import { renderToString } from "react-dom/server";
import { tokenBroker } from "@token-broker/storefront";
import { useToken } from "@token-broker/storefront/react";
import { brokerInMemory } from "@token-broker/storefront/testing";

function rendered(source) {
  const Shown = () => useToken(source).token?.tokenId ?? "none";
  return renderToString(createElement(Shown));
}

test("a server renders the token that it has, and sends no request", async () => {
  const broker = brokerInMemory();
  const token = await tokenBroker(broker.options).shopify().token();

  assert.equal(rendered(tokenBroker(broker.options).shopify({ initial: { token } })), "token-1");
  assert.equal(rendered(tokenBroker(broker.options).shopify()), "none");
  assert.equal(broker.requests.length, 1);
});
