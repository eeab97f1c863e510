/** The package as npm packs it: checked by the rules of others, and used by a project in an empty folder, without a network. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";

const CLIENT = fileURLToPath(new URL("../..", import.meta.url));
const NPM = join(dirname(process.execPath), "../lib/node_modules/npm/bin/npm-cli.js");
const TOOLS = join(CLIENT, "node_modules");

const folder = mkdtempSync(join(tmpdir(), "client-"));
let packed;

function node(script, ...options) {
  const environment = { ...process.env, npm_config_cache: join(folder, ".npm"), PATH: `${dirname(process.execPath)}:${process.env.PATH}` };
  try {
    return execFileSync(process.execPath, [script, ...options], { cwd: folder, env: environment, encoding: "utf8", stdio: "pipe" });
  } catch ({ stdout, stderr }) {
    throw new Error(`${stdout}\n${stderr}`);
  }
}

before(() => {
  node(NPM, "pack", CLIENT, "--pack-destination", folder);
  packed = join(folder, readdirSync(folder).find((name) => name.endsWith(".tgz")));
});
after(() => rmSync(folder, { recursive: true }));

test("publint finds nothing", () => {
  node(join(TOOLS, "publint/src/cli.js"), "run", packed, "--strict");
});

test("the types are right for every way to import them", () => {
  node(join(TOOLS, "@arethetypeswrong/cli/dist/index.js"), packed, "--profile", "esm-only");
});

const PAGE = `
import { TokenBrokerError, tokenBroker, type Token } from "@token-broker/storefront";
import { provedBroker, signClientProof } from "@token-broker/storefront/server";
import { brokerInMemory } from "@token-broker/storefront/testing";

const memory = brokerInMemory();
const broker = tokenBroker(memory.options);
const shop = broker.shopify({ revalidateSeconds: 600 });
const token: Token = await shop.token({ signal: AbortSignal.timeout(1000) });
const response: Response = await shop.fetch(undefined, { method: "POST", body: "{}" });
const leave: () => void = shop.subscribe((next: Token | undefined, error?: TokenBrokerError) => void [next, error?.requestId]);
leave();
provedBroker({ ...memory.options, proof: () => signClientProof({ key: "k", kid: "1", issuer: "i", audience: "a" }) }).shopify();
console.log(token.tokenId, response.status);

export function refused() {
  // @ts-expect-error A session needs a proof.
  broker.chicksx({});
  // @ts-expect-error There is no such provider.
  broker.other();
}

export function proved(found: string | undefined) {
  return provedBroker({ ...memory.options, proof: () => found });
}
`;

test("an empty project installs it, compiles against it and runs", () => {
  writeFileSync(join(folder, "package.json"), JSON.stringify({ type: "module", private: true }));
  node(NPM, "install", packed, "--offline", "--ignore-scripts", "--no-audit", "--no-fund");
  writeFileSync(join(folder, "page.ts"), PAGE);
  const options = { strict: true, module: "nodenext", target: "es2022", lib: ["es2022", "dom"], types: [], skipLibCheck: false };
  writeFileSync(join(folder, "tsconfig.json"), JSON.stringify({ compilerOptions: options, files: ["page.ts"] }));

  node(join(TOOLS, "typescript/bin/tsc"), "--project", ".");

  assert.equal(node(join(folder, "page.js")), "token-1 200\n");
});
