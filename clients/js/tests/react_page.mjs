/** A page for the test in a real browser: it shows the token of `window.source`, or its error. */
import { StrictMode, createElement } from "react";
import { createRoot } from "react-dom/client";
import { useToken } from "@token-broker/storefront/react";

function Shown() {
  const { token, error } = useToken(globalThis.source);
  return error?.code ?? token?.tokenId ?? "none";
}

const root = createRoot(document.body.appendChild(document.createElement("main")));
globalThis.render = () => root.render(createElement(StrictMode, null, createElement(Shown)));
globalThis.unmount = () => root.render(null);
