/** Fetch each token from the API, which is on another origin, and show its arrival. */

import { Card } from "./card.js";
import { exchange } from "./exchange.js";
import { highlighted } from "./highlight.js";
import { PROVIDERS } from "./providers.js";

const configuration = await (await fetch("/configuration")).json();
const { apiUrl, merchant, shopOrigin, otherOrigin } = configuration;
const API = "the API";
const BACKEND = "the shop’s backend";

/** Request a shop's token. This page's origin is enough for it. */
async function askForShopToken(card, provider, cache) {
  const shown = `/storefront/${merchant}/${provider.path}`;
  const response = await exchange("GET", `${apiUrl}${shown}`, { shown, cache });
  card.log(response, API);
  return response;
}

/** Request a session's token. The shop's backend signs for this visitor's session, and the API checks the signature. */
async function askForSessionToken(card, provider) {
  const signed = await exchange("POST", "/proof", { shown: "/proof" });
  card.log(signed, BACKEND);
  showProof(signed);
  // Without a proof the API is called anyway, to show its response.
  const { proof, sessionId = "checkout-of-somebody-else" } = signed.ok ? signed.body : {};
  const shown = `/storefront/${merchant}/${provider.path}`;
  const headers = proof ? { Authorization: `Bearer ${proof}` } : {};
  const response = await exchange("POST", `${apiUrl}${shown}`, { shown, headers, body: { sessionId } });
  card.log(response, API);
  return response;
}

async function ask(card, provider, cache) {
  card.asking();
  card.arrived(await (provider.session ? askForSessionToken(card, provider) : askForShopToken(card, provider, cache)));
}

async function newCheckout(card, provider) {
  card.asking();
  const begun = await exchange("POST", "/checkouts", { shown: "/checkouts" });
  card.log(begun, BACKEND);
  await ask(card, provider);
}

function showProof(signed) {
  const decoded = (part) => {
    const bytes = Uint8Array.from(atob(part.replaceAll("-", "+").replaceAll("_", "/")), (c) => c.charCodeAt(0));
    return JSON.parse(new TextDecoder().decode(bytes));
  };
  const [header, claims] = signed.ok ? signed.body.proof.split(".").map((part, i) => (i < 2 ? decoded(part) : part)) : [];
  document.querySelector("#proof").textContent = signed.ok
    ? `${JSON.stringify(header, null, 2)}\n${JSON.stringify(claims, null, 2)}\n+ HMAC-SHA256 signature`
    : `Nothing was signed.\n${signed.body.detail ?? ""}`;
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
  card.addButton("Ask again", () => ask(card, provider));
  if (provider.session) card.addButton("Start a new checkout", () => newCheckout(card, provider));
  else card.addButton("Skip the cache", () => ask(card, provider, "no-cache"));
  return ask(card, provider);
});
await Promise.all([...asked, showSource()]);
document.documentElement.dataset.ready = "true";
