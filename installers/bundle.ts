/**
 * The two programs as Node runs them, each a directory of chunks of which a command
 * loads only what it needs, and the agent in one piece for a single executable.
 */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";

import { type InputOptions, type OutputOptions, type Plugin, rolldown } from "rolldown";

import { ROOT } from "./root.ts";

/** The entry for Node looks for a native addon at run time, whose gain does not pay for its memory. */
const alias = { msgpackr: join(ROOT, "node_modules/msgpackr/index.js") };

export type Program = "agent" | "master";

export const entryOf = (program: Program): string => join(ROOT, "packages", program, "src/main.ts");

const output: OutputOptions = {
  format: "esm",
  comments: { legal: true, annotation: false, jsdoc: false },
  // Less to read at each start; names stay, for the sake of stack traces.
  minify: { compress: true, mangle: false, codegen: { removeWhitespace: true } },
};

export const inputs = (input: string | string[], version: string): InputOptions => ({
  input,
  cwd: ROOT,
  platform: "node",
  resolve: { alias },
  // It has a native part, and lies beside the master.
  external: ["rolldown"],
  plugins: [versioned(version), inOneByte],
  onLog(level, log, handle) {
    // A dependency that is not there would only fail on the machine that needs it.
    if (log.code === "UNRESOLVED_IMPORT") throw new Error(log.message);
    handle(level, log);
  },
});

/** One character beyond Latin-1 has V8 keep a whole source with two bytes for each: they are written as escapes. */
const inOneByte: Plugin = {
  name: "boma-one-byte",
  // Not earlier: the minifier writes characters for escapes.
  generateBundle(_options, bundle) {
    for (const file of Object.values(bundle)) if (file.type === "chunk") file.code = escaped(file.code);
  },
};
const escaped = (code: string): string =>
  code.replace(/[\u0100-\uffff]/g, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`);

/** What the programs say of themselves is what the package says. */
const versioned = (version: string): Plugin => ({
  name: "boma-version",
  load(id) {
    if (!/\/packages\/(agent|master)\/package\.json$/.test(id)) return undefined;
    return { code: JSON.stringify({ version }), moduleType: "json" };
  },
});

export async function bundleChunks(program: Program, dir: string, version: string): Promise<void> {
  const bundled = await rolldown(inputs(entryOf(program), version));
  try {
    const names = { entryFileNames: "main.mjs", chunkFileNames: "[name]-[hash].mjs" };
    await bundled.write({ ...output, ...names, dir });
  } finally {
    await bundled.close();
  }
}

export async function bundleWhole(program: Program, file: string, version: string): Promise<void> {
  const bundled = await rolldown(inputs(entryOf(program), version));
  try {
    await bundled.write({ ...output, file, codeSplitting: false });
  } finally {
    await bundled.close();
  }
}

/** Turns the compile cache on before anything large is loaded; in /tmp, its usual place, others could put code into it. */
export const writeDoor = (path: string, main: string): Promise<void> =>
  writeFile(
    path,
    `#!/usr/bin/env node
import { enableCompileCache } from "node:module";
import { homedir } from "node:os";

const own = process.getuid?.() === 0 ? "/var/cache/boma" : \`\${homedir()}/.cache/boma\`;
enableCompileCache(process.env.NODE_COMPILE_CACHE ?? own);
await import(${JSON.stringify(main)});
`,
    { mode: 0o755 },
  );
