"""What tests have a page run: JavaScript that takes {url, init} and returns all that it got to know."""

#: What any page may know of an answer that its JavaScript was given.
FETCH = """
async ({url, init}) => {
  try {
    const answer = await fetch(url, init);
    const {type, status, headers} = answer;
    return {type, status, headers: Object.fromEntries(headers), text: await answer.text()};
  } catch (error) { return {failed: String(error)}; }
}
"""


#: How a page has somebody else's server asked; each returns all that the page got to know.
WAYS = {
    "fetch": FETCH,
    "fetch with credentials": FETCH.replace("fetch(url, init)", "fetch(url, {...init, credentials: 'include'})"),
    "fetch without cors": FETCH.replace(
        "fetch(url, init)", "fetch(url, {method: init.method, body: init.body, mode: 'no-cors'})"
    ),
    "fetch out of the cache": FETCH.replace("fetch(url, init)", "fetch(url, {...init, cache: 'force-cache'})"),
    "script": """
        ({url}) => new Promise((done) => {
          const seen = [];
          addEventListener("error", (event) => seen.push(String(event.message)), {once: true});
          const script = document.createElement("script");
          const before = new Set(Object.keys(window));
          const added = () => Object.keys(window).filter((name) => !before.has(name));
          script.onload = script.onerror = (event) => done({seen, event: event.type, added: added()});
          script.src = url;
          document.head.append(script);
        })""",
    "stylesheet": """
        ({url}) => new Promise((done) => {
          const link = Object.assign(document.createElement("link"), {rel: "stylesheet", href: url});
          link.onload = link.onerror = (event) => {
            let rules;
            try { rules = [...link.sheet.cssRules].map((rule) => rule.cssText); } catch (error) {}
            done({event: event.type, rules});
          };
          document.head.append(link);
        })""",
    "frame": """
        ({url}) => new Promise((done) => {
          const frame = document.createElement("iframe");
          frame.onload = () => done({text: frame.contentDocument?.body.innerText});
          frame.src = url;
          document.documentElement.append(frame);
        })""",
}

#: The same as FETCH, from a frame whose origin is `null`; its own message tells that origin.
SANDBOXED_FETCH = """
({url, init}) => new Promise((done) => {
  addEventListener("message", (event) => done({origin: event.origin, ...event.data}), {once: true});
  const frame = document.createElement("iframe");
  frame.sandbox = "allow-scripts";
  const asked = JSON.stringify({url, init});
  frame.srcdoc = `<script>(FETCH)(${asked}).then((seen) => parent.postMessage(seen, "*"))</script>`;
  document.documentElement.append(frame);
})
""".replace("FETCH", FETCH.strip())
