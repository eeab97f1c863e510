/** Prints how much longer a token from memory takes than an await of a resolved promise, both measured in this run. */
import { tokenBroker } from "@token-broker/storefront";

const ROUNDS = 15;
const CALLS = 20_000;
const token = { tokenId: "1", accessToken: "v", expiresAt: null, use: { in: "header", name: "X-T", url: "https://p.test/" } };
const source = tokenBroker({
  url: "https://broker.test",
  merchant: "acme",
  fetch: async () => Response.json(token),
}).shopify();
const resolved = Promise.resolve(token);

async function milliseconds(call) {
  const began = performance.now();
  for (let number = 0; number < CALLS; number++) await call();
  return performance.now() - began;
}

const subjects = { resolved: () => resolved, memory: () => source.token() };
await source.token();
const best = { resolved: Infinity, memory: Infinity };
for (let round = 0; round < ROUNDS; round++) {
  for (const [name, call] of Object.entries(subjects)) best[name] = Math.min(best[name], await milliseconds(call));
}
console.log(
  JSON.stringify({
    resolvedNanoseconds: Math.round((best.resolved / CALLS) * 1e6),
    memoryNanoseconds: Math.round((best.memory / CALLS) * 1e6),
    ratio: Number((best.memory / best.resolved).toFixed(1)),
  }),
);
