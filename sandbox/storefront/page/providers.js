/** The three tokens: where a shop needs each, and how it asks. `session` marks the one that wants a proof. */
export const PROVIDERS = [
  {
    name: "shopify",
    title: "Shopify",
    place: "Products and cart",
    about: "A storefront access token: one for the whole shop, in every visitor’s page.",
    path: "shopify/storefront-access-token",
  },
  {
    name: "fourthwall",
    title: "Fourthwall",
    place: "Merchandise",
    about: "A public token: one for the whole shop, in every visitor’s page.",
    path: "fourthwall/public-token",
  },
  {
    name: "chicksx",
    title: "ChicksX",
    place: "Checkout",
    about: "An access token for one checkout session: this visitor’s, for an hour, and nobody else’s.",
    path: "chicksx/public-tokens",
    session: true,
  },
];

/** The `use` member of a token in a few words, and as what a developer would write; `token` is the API's answer. */
export function useOf(use) {
  if (use.in === "header") {
    return {
      words: "a header",
      code: `fetch(token.use.url, {
  method: "POST",
  headers: {
    ${JSON.stringify(use.name)}:
      token.accessToken,
    "Content-Type": "application/json",
  },
  body: '{"query": "{ shop { name } }"}',
});`,
    };
  }
  if (use.in === "query") {
    return {
      words: "a query parameter",
      code: `const url = new URL(
  "collections", token.use.url);
url.searchParams.set(
  ${JSON.stringify(use.name)}, token.accessToken);
fetch(url);`,
    };
  }
  return {
    words: "the provider’s SDK",
    code: `window.chicksX.init({
  ${use.name}: token.accessToken,
});`,
  };
}
