const PYTHON = /(?<quiet>"""[\s\S]*?"""|#.*)|(?<text>"[^"\n]*")|(?<word>\b(?:def|return|import|from)\b)/g;

/** Return Python source as spans: comments and docstrings, strings, a few keywords. */
export function highlighted(source) {
  const parts = [];
  let end = 0;
  for (const found of source.matchAll(PYTHON)) {
    const kind = Object.keys(found.groups).find((name) => found.groups[name] !== undefined);
    const span = document.createElement("span");
    span.className = `code-${kind}`;
    span.textContent = found[0];
    parts.push(source.slice(end, found.index), span);
    end = found.index + found[0].length;
  }
  return [...parts, source.slice(end)];
}
