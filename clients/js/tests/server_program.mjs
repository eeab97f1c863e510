/** A merchant's server on Node: reads a request as JSON from its input, and prints what it got from the broker. */
import { text } from "node:stream/consumers";
import { AwsClient } from "aws4fetch";
import { tokenBroker } from "@token-broker/storefront";
import { provedBroker, signClientProof, signProof, signedBroker } from "@token-broker/storefront/server";

const { url, merchant, credentials, region, proof } = JSON.parse(await text(process.stdin));
const aws = new AwsClient({ ...credentials, service: "execute-api", region });
const signed = signedBroker({ url, merchant, aws });

const current = await signed.shopify().token({ fresh: true });
const rotation = await signed.request("POST", `/merchants/${merchant}/shopify/rotations`, { compromised: true });
const next = await signed.shopify().token({ fresh: true });
const refused = await signed.request("GET", `/merchants/${merchant}-2/shopify/storefront-access-token`).catch((error) => error);

// An app has no origin, so the proof alone decides.
const app = tokenBroker({ url, merchant }).chicksx({
  proof: async () => ({ proof: await signProof({ ...proof, sessionId: "checkout-7" }), sessionId: "checkout-7" }),
});
const session = await app.token();

// Neither does a server without AWS have one. Its proof names no session.
const proved = provedBroker({ url, merchant, proof: () => signClientProof(proof) });
const shared = await proved.shopify().token();
const stranger = provedBroker({ url, merchant, proof: () => signClientProof({ ...proof, issuer: "https://stranger.example" }) });
const rejected = await stranger.fourthwall().token().catch((error) => error);

console.log(
  JSON.stringify({
    ids: [current.tokenId, next.tokenId],
    rotated: [rotation.previousTokenId, rotation.tokenId],
    refused: [refused.name, refused.code, Boolean(refused.requestId)],
    subject: session.subject,
    shared: shared.subject,
    rejected: [rejected.name, rejected.code, Boolean(rejected.requestId)],
  }),
);
