/** Show the remaining time of a token each second. Times are Unix seconds. Without `expiresAt` it has no end. */
export class Countdown {
  #text;
  #bar;
  #timer = null;

  constructor(text, bar) {
    this.#text = text;
    this.#bar = bar;
  }

  start({ issuedAt, expiresAt }) {
    clearInterval(this.#timer);
    this.#bar.hidden = expiresAt === null;
    if (expiresAt === null) {
      this.#text.textContent = "Does not expire. It is valid until it is revoked.";
      return;
    }
    this.#bar.max = Math.max(1, expiresAt - issuedAt);
    this.#bar.setAttribute("aria-label", "Time left");
    const show = () => {
      const left = Math.max(0, expiresAt - Date.now() / 1000);
      const end = new Date(expiresAt * 1000).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
      this.#bar.value = left;
      this.#text.textContent = left > 0 ? `Expires in ${duration(left)}, at ${end}` : `Expired at ${end}. Ask again.`;
    };
    show();
    this.#timer = setInterval(show, 1000);
  }
}

/** Return a duration such as "59 min 59 s". */
function duration(seconds) {
  const whole = Math.ceil(seconds);
  const hours = Math.floor(whole / 3600);
  const minutes = Math.floor((whole % 3600) / 60);
  const two = (number) => String(number).padStart(2, "0");
  if (hours > 0) return `${hours} h ${two(minutes)} min ${two(whole % 60)} s`;
  return minutes > 0 ? `${minutes} min ${two(whole % 60)} s` : `${whole} s`;
}
