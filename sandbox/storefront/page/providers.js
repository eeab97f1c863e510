/** The three tokens: where a shop needs each. `session` marks the one that needs a proof. */
export const PROVIDERS = [
  {
    name: "shopify",
    title: "Shopify",
    place: "Products and cart",
    about: "A storefront access token for the whole shop, in every visitor’s page.",
  },
  {
    name: "fourthwall",
    title: "Fourthwall",
    place: "Merchandise",
    about: "A public token for the whole shop, in every visitor’s page.",
  },
  {
    name: "chicksx",
    title: "ChicksX",
    place: "Checkout",
    about: "An access token for this visitor’s checkout session, valid for an hour.",
    session: true,
  },
];

/** Return the `use` member of a token in a few words, and as code. `token` is the API's response. */
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
