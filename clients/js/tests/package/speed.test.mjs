import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const LIMIT = 20;

test(`a token from memory takes at most ${LIMIT} times as long as an await of a resolved promise`, (t) => {
  const measured = execFileSync(process.execPath, [fileURLToPath(new URL("../speed.mjs", import.meta.url))], { encoding: "utf8" });

  t.diagnostic(measured.trim());
  assert.ok(JSON.parse(measured).ratio <= LIMIT);
});
