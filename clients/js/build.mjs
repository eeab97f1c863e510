/**
 * Builds the package into dist/: modules, one script for pages without a bundler, and types, which begin with those of the
 * OpenAPI document. With a file's name it writes only the core there, to be read by people. `node_modules` leads to the packages
 * of requirements/js/.
 */
import { execFileSync } from "node:child_process";
import { copyFileSync, lstatSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { brotliCompressSync } from "node:zlib";

const path = (relative) => fileURLToPath(new URL(relative, import.meta.url));
process.chdir(path("."));
if (!lstatSync("node_modules", { throwIfNoEntry: false })) symlinkSync("../../.venvs/js/node_modules", "node_modules");
const { build } = await import("esbuild");

const shared = { bundle: true, target: "es2022", logLevel: "warning" };
const outfile = process.argv[2];
if (outfile) {
  const banner = { js: "// Built from clients/js/src by `make browser-client`." };
  await build({ ...shared, entryPoints: ["src/index.ts"], format: "esm", outfile, banner });
  process.exit();
}

const openapi = ["node_modules/openapi-typescript/bin/cli.js", "../../docs/reference/openapi.yaml", "--output", "src/openapi.ts"];
execFileSync(process.execPath, openapi, { stdio: ["ignore", "ignore", "inherit"] });

rmSync("dist", { recursive: true, force: true });
await build({
  ...shared,
  entryPoints: ["index", "react", "server", "testing"].map((name) => `src/${name}.ts`),
  format: "esm",
  splitting: true,
  chunkNames: "core",
  minify: true,
  external: ["react"],
  outdir: "dist",
});
await build({
  ...shared,
  entryPoints: { "token-broker": "src/script.ts" },
  format: "iife",
  minify: true,
  outdir: "dist",
});
execFileSync(process.execPath, ["node_modules/typescript/bin/tsc", "--project", "."], { stdio: "inherit" });
copyFileSync("../../LICENSE", "LICENSE");
console.log(`clients/js/dist/token-broker.js: ${brotliCompressSync(readFileSync("dist/token-broker.js")).length} bytes with brotli`);
