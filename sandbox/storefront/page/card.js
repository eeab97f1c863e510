import { Countdown } from "./countdown.js";
import { useOf } from "./providers.js";

const TEMPLATE = document.querySelector("#card");
const LOG_KEPT = 3;

/** Show one provider's token: the requests, the response, its use and its end. */
export class Card {
  #root;
  #countdown;
  #value = "";
  #last = null;
  #brought = {};

  constructor(provider) {
    this.#root = TEMPLATE.content.cloneNode(true).firstElementChild;
    this.#root.id = provider.name;
    const heading = this.#part("h2");
    heading.id = `${provider.name}-title`;
    heading.textContent = provider.title;
    this.#root.setAttribute("aria-labelledby", heading.id);
    this.#part(".place").textContent = provider.place;
    this.#part(".about").textContent = provider.about;
    this.#countdown = new Countdown(this.#part(".countdown"), this.#part("progress"));
    const reveal = this.#part(".reveal");
    reveal.setAttribute("aria-label", `Reveal the ${provider.title} token`);
    reveal.addEventListener("click", () => this.#show(reveal.getAttribute("aria-pressed") !== "true"));
  }

  get element() {
    return this.#root;
  }

  /** Add a button. While `act` runs, no button of the card does anything. */
  addButton(label, act) {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = label;
    button.addEventListener("click", () => {
      if (this.#root.getAttribute("aria-busy") !== "true") act();
    });
    this.#part(".actions").append(button);
  }

  asking() {
    this.#last = null;
    this.#root.setAttribute("aria-busy", "true");
    this.#state("asking", "Asking …");
  }

  /** Add an exchange to the log. `where` names its receiver. */
  log(exchange, where) {
    this.#last = exchange;
    const status = element("span", "status", exchange.status === null ? "no answer" : String(exchange.status));
    status.dataset.good = String(exchange.ok);
    const from = exchange.fromCache ? "from this browser’s cache" : where;
    const request = element("span", "request", `${exchange.method} `);
    for (const part of exchange.path.split(/(?<=\/)/)) request.append(part, document.createElement("wbr"));
    this.#addLine(request, status, element("span", "quiet", `${time(exchange)} · ${from}`));
  }

  /** Show the token. Without an exchange since `asking`, it came from the client's memory. */
  received(token) {
    this.#arrived(true);
    if (!this.#last) this.#addLine(element("span", "request", "token()"), element("span", "quiet", "from this page’s memory"));
    const use = useOf(token.use);
    this.#value = token.accessToken;
    this.#show(false);
    this.#countdown.start(token);
    this.#part(".use").textContent = use.words;
    this.#part(".snippet").textContent = use.code;
    const { cacheControl, requestId } = this.#last ?? this.#brought;
    facts(this.#part(".token-facts"), [
      ["At", token.use.url],
      ["For", token.subject === "shop" ? "the whole shop" : token.subject],
      ["Scope", token.scope.join(", ") || "none named"],
      ["Cache", cacheControl],
      ["Request id", requestId],
    ]);
    this.#brought = { cacheControl, requestId };
    this.#state("received", this.#last ? `Received in ${time(this.#last)}` : "Had it already");
    this.#root.setAttribute("aria-busy", "false");
  }

  /** Show why there is no token. `error` is a TokenBrokerError. */
  rejected(error) {
    this.#arrived(false);
    const read = error.status > 0;
    this.#part(".problem-title").textContent = read
      ? `${error.status} · ${error.title ?? "rejected"}`
      : "This page may not read the response";
    this.#part(".problem-detail").textContent = read
      ? (error.detail ?? "The response has no detail.")
      : "Either there was no response, or the browser withheld it from this origin.";
    facts(this.#part(".problem-facts"), [
      ["Code", error.code],
      ["Ask again", error.retryAfter && `in ${error.retryAfter} s`],
      ["Request id", error.requestId],
    ]);
    this.#state("rejected", read ? `Rejected (${error.status})` : "Nothing to read");
    this.#root.setAttribute("aria-busy", "false");
  }

  #arrived(token) {
    this.#part(".problem").hidden = token;
    for (const part of [".token", ".usage", ".token-facts"]) this.#part(part).hidden = !token;
  }

  #addLine(...parts) {
    const line = document.createElement("li");
    line.append(...parts);
    const log = this.#part(".log");
    log.append(line);
    while (log.children.length > LOG_KEPT) log.firstElementChild.remove();
  }

  #state(name, text) {
    const state = this.#part(".state");
    state.dataset.state = name;
    state.textContent = text;
  }

  #show(revealed) {
    const reveal = this.#part(".reveal");
    reveal.setAttribute("aria-pressed", String(revealed));
    reveal.textContent = revealed ? "Hide" : "Reveal";
    const secret = this.#part(".secret");
    secret.textContent = revealed ? this.#value : masked(this.#value);
    // A long text scrolls, so the keyboard must be able to reach it.
    if (revealed && secret.scrollHeight > secret.clientHeight) secret.tabIndex = 0;
    else secret.removeAttribute("tabindex");
  }

  #part(selector) {
    return this.#root.querySelector(selector);
  }
}

/** Return the first four characters, and as many dots as fit on a line. */
function masked(value) {
  return `${value.slice(0, 4)}${"•".repeat(16)}`;
}

function time({ milliseconds }) {
  if (milliseconds >= 1000) return `${(milliseconds / 1000).toFixed(1)} s`;
  return `${Math.max(1, Math.round(milliseconds))} ms`;
}

/** Fill a definition list with the pairs that have a value. */
function facts(list, pairs) {
  const known = pairs.filter(([, value]) => value);
  list.replaceChildren(...known.flatMap(([name, value]) => [element("dt", "", name), element("dd", "", value)]));
}

function element(name, className, text) {
  const made = document.createElement(name);
  made.className = className;
  made.textContent = text;
  return made;
}
