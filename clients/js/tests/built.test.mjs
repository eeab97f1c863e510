/** What the build must hold: the size, and the demo storefront's copy. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { brotliCompressSync } from "node:zlib";

const LIMIT = 2000;
const path = (relative) => fileURLToPath(new URL(relative, import.meta.url));

test(`the core has at most ${LIMIT} bytes on the wire`, (t) => {
  const size = brotliCompressSync(readFileSync(path("../dist/token-broker.js"))).length;

  t.diagnostic(`The core has ${size} bytes with brotli.`);
  assert.ok(size <= LIMIT, `${size} bytes`);
});

test("the demo storefront has the client of these sources", (t) => {
  const folder = mkdtempSync(join(tmpdir(), "client-"));
  t.after(() => rmSync(folder, { recursive: true }));

  execFileSync(process.execPath, [path("../build.mjs"), join(folder, "built.js")]);

  const copy = readFileSync(path("../../../sandbox/storefront/page/token-broker.js"), "utf8");
  assert.equal(readFileSync(join(folder, "built.js"), "utf8"), copy, "Run `make browser-client`.");
});
