import { Countdown } from "./countdown.js";
import { useOf } from "./providers.js";

const TEMPLATE = document.querySelector("#card");
const LOG_KEPT = 3;

/** Show one provider's token: the requests, the response, its use and its end. */
export class Card {
  #root;
  #countdown;
  #value = "";

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
    this.#root.setAttribute("aria-busy", "true");
    this.#state("asking", "Asking …");
  }

  /** Add an exchange to the log. `where` names its receiver. */
  log(exchange, where) {
    const line = document.createElement("li");
    const status = element("span", "status", exchange.status === null ? "no answer" : String(exchange.status));
    status.dataset.good = String(exchange.ok);
    const from = exchange.fromCache ? "from this browser’s cache" : where;
    const request = element("span", "request", `${exchange.method} `);
    for (const part of exchange.path.split(/(?<=\/)/)) request.append(part, document.createElement("wbr"));
    line.append(request, status, element("span", "quiet", `${time(exchange)} · ${from}`));
    const log = this.#part(".log");
    log.append(line);
    while (log.children.length > LOG_KEPT) log.firstElementChild.remove();
  }

  /** Show the exchange that was expected to bring the token. */
  arrived(exchange) {
    this.#root.setAttribute("aria-busy", "false");
    this.#part(".problem").hidden = exchange.ok;
    for (const part of [".token", ".usage", ".token-facts"]) this.#part(part).hidden = !exchange.ok;
    if (exchange.ok) this.#received(exchange);
    else this.#rejected(exchange);
  }

  #received(exchange) {
    const token = exchange.body;
    const use = useOf(token.use);
    this.#value = token.accessToken;
    this.#show(false);
    this.#countdown.start(token);
    this.#part(".use").textContent = use.words;
    this.#part(".snippet").textContent = use.code;
    facts(this.#part(".token-facts"), [
      ["At", token.use.url],
      ["For", token.subject === "shop" ? "the whole shop" : token.subject],
      ["Scope", token.scope.join(", ") || "none named"],
      ["Cache", exchange.cacheControl],
      ["Request id", exchange.requestId],
    ]);
    this.#state("received", `Received in ${time(exchange)}`);
  }

  #rejected(exchange) {
    const read = exchange.status !== null;
    const problem = exchange.body;
    this.#part(".problem-title").textContent = read
      ? `${exchange.status} · ${problem.title ?? problem.message ?? "rejected"}`
      : "This page may not read the response";
    this.#part(".problem-detail").textContent = read
      ? (problem.detail ?? "The response has no detail.")
      : "Either there was no response, or the browser withheld it from this origin.";
    facts(this.#part(".problem-facts"), [
      ["Code", problem.code],
      ["Ask again", exchange.retryAfter && `in ${exchange.retryAfter} s`],
      ["Request id", exchange.requestId],
    ]);
    this.#state("rejected", read ? `Rejected (${exchange.status})` : "Nothing to read");
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
