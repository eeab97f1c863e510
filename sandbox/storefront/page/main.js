/** Fetch each token from the API, which is on another origin, and show its arrival. */

import { Card } from "./card.js";
import { reporting } from "./exchanges.js";
import { highlighted } from "./highlight.js";
import { PROVIDERS } from "./providers.js";
import { tokenBroker } from "./token-broker.js";

const configuration = await (await fetch("/configuration")).json();
const { apiUrl, merchant, shopOrigin, otherOrigin } = configuration;
const API = "the API";
const BACKEND = "the shop’s backend";

/** Return the client's source of this provider's token. Each of its requests is shown. */
function sourceOf(card, provider) {
  const fetch = reporting((exchange) => card.log(exchange, API));
  const broker = tokenBroker({ url: apiUrl, merchant, fetch });
  return provider.session ? broker.chicksx({ proof: () => signedProof(card) }) : broker[provider.name]();
}

/** Have the shop's backend sign for this visitor's session. The API checks the signature. */
async function signedProof(card) {
  const response = await reporting((exchange) => card.log(exchange, BACKEND))("/proof", { method: "POST" });
  const signed = await response.json();
  showProof(signed);
  // Without a proof the API is called anyway, to show its response.
  return response.ok ? signed : { proof: "none", sessionId: "checkout-of-somebody-else" };
}

async function ask(card, source, fresh = false) {
  card.asking();
  try {
    card.received(await source.token({ fresh }));
  } catch (error) {
    card.rejected(error);
  }
}

function showProof({ proof, detail }) {
  const decoded = (part) => {
    const bytes = Uint8Array.from(atob(part.replaceAll("-", "+").replaceAll("_", "/")), (c) => c.charCodeAt(0));
    return JSON.stringify(JSON.parse(new TextDecoder().decode(bytes)), null, 2);
  };
  document.querySelector("#proof").textContent = proof
    ? `${proof.split(".").slice(0, 2).map(decoded).join("\n")}\n+ HMAC-SHA256 signature`
    : `Nothing was signed.\n${detail ?? ""}`;
}

function showOrigin() {
  const trusted = location.origin === shopOrigin;
  document.querySelector("#origin").dataset.trusted = String(trusted);
  document.querySelector("#origin-text").textContent = trusted
    ? `You are on ${location.origin}, which the merchant’s trust policy names. The API is on ${new URL(apiUrl).origin}.`
    : `You are on ${location.origin}. The page is the same, but the merchant’s trust policy does not name this origin. ` +
      "The API rejects it, and the shop’s backend signs nothing.";
  const link = document.querySelector("#origin-link");
  link.href = trusted ? otherOrigin : shopOrigin;
  link.textContent = trusted ? "Try from another origin" : "Back to the shop’s own origin";
  link.hidden = false;
}

async function showSource() {
  const source = await (await fetch("/merchant_backend.py")).text();
  document.querySelector("#source").replaceChildren(...highlighted(source.trimEnd()));
}

document.querySelector("#merchant").textContent = merchant;
showOrigin();
const asked = PROVIDERS.map((provider) => {
  const card = new Card(provider);
  document.querySelector("#tokens").append(card.element);
  let source = sourceOf(card, provider);
  card.addButton("Ask again", () => ask(card, source));
  card.addButton("Skip the caches", () => ask(card, source, true));
  if (provider.session) {
    card.addButton("Start a new checkout", async () => {
      card.asking();
      await reporting((exchange) => card.log(exchange, BACKEND))("/checkouts", { method: "POST" });
      source = sourceOf(card, provider);
      await ask(card, source);
    });
  }
  return ask(card, source);
});
await Promise.all([...asked, showSource()]);
document.documentElement.dataset.ready = "true";
