#!/usr/bin/env node
// The sources are TypeScript, which Node runs by itself. The lock file brings a
// fitting Node; this door hands over to it when an older one opens.
import { spawn } from "node:child_process";
import nodeModule from "node:module";
import { constants, homedir } from "node:os";
import { fileURLToPath } from "node:url";

const NODE_MAJOR_MIN = 26;

if (Number(process.versions.node.split(".")[0]) >= NODE_MAJOR_MIN) {
  // In /tmp, its usual place, others could put code into it.
  const own = process.getuid?.() === 0 ? "/var/cache/boma" : `${homedir()}/.cache/boma`;
  nodeModule.enableCompileCache?.(process.env.NODE_COMPILE_CACHE ?? own);
  await import("../src/main.ts");
} else {
  const node = fileURLToPath(new URL("../../../node_modules/.bin/node", import.meta.url));
  const child = spawn(node, process.argv.slice(1), { stdio: "inherit" });
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => child.kill(signal));
  child.on("error", () => {
    process.stderr.write(`boma needs Node ${NODE_MAJOR_MIN} or newer: run \`npm ci\` in the checkout.\n`);
    process.exitCode = 70;
  });
  child.on("exit", (code, signal) => {
    process.exitCode = code ?? 128 + constants.signals[signal];
  });
}
