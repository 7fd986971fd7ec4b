/**
 * The two programs for packages and images: `npm run build` writes
 * dist/boma-agent.mjs and dist/boma-master.mjs, each with a directory of chunks
 * beside it, of which a command loads only what it needs. They need Node and
 * nothing else; the same sources give the same bytes.
 */
import { mkdir, readdir, rm, stat, writeFile } from "node:fs/promises";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";

import { rolldown } from "rolldown";

const root = fileURLToPath(new URL("..", import.meta.url));

/** The entry for Node looks for a native addon at run time, whose gain does not pay for its memory. */
const alias = { msgpackr: join(root, "node_modules/msgpackr/index.js") };

export async function build(dir = join(root, "dist")): Promise<void> {
  await rm(dir, { recursive: true, force: true });
  await mkdir(dir, { recursive: true });
  await Promise.all(["boma-agent", "boma-master"].map((name) => bundle(name, dir)));
}

async function bundle(name: string, dir: string): Promise<void> {
  const bundled = await rolldown({
    input: join(root, "packages", name.replace("boma-", ""), "src/main.ts"),
    cwd: root,
    platform: "node",
    resolve: { alias },
    // It has a native part: a master that bundles a site's own states has it installed beside it.
    external: ["rolldown"],
    onLog(level, log, handle) {
      // A dependency that is not there would only fail on the machine that needs it.
      if (log.code === "UNRESOLVED_IMPORT") throw new Error(log.message);
      handle(level, log);
    },
  });
  try {
    await bundled.write({
      dir: join(dir, name),
      format: "esm",
      entryFileNames: "main.mjs",
      chunkFileNames: "[name]-[hash].mjs",
      comments: { legal: true, annotation: false, jsdoc: false },
      // Less to read at each start; names stay, for the sake of stack traces.
      minify: { compress: true, mangle: false, codegen: { removeWhitespace: true } },
    });
  } finally {
    await bundled.close();
  }
  await writeFile(join(dir, `${name}.mjs`), door(name), { mode: 0o755 });
}

/** Turns the compile cache on before anything large is loaded; in /tmp, its usual place, others could put code into it. */
const door = (name: string): string => `#!/usr/bin/env node
import { enableCompileCache } from "node:module";
import { homedir } from "node:os";

const own = process.getuid?.() === 0 ? "/var/cache/boma" : \`\${homedir()}/.cache/boma\`;
enableCompileCache(process.env.NODE_COMPILE_CACHE ?? own);
await import("./${name}/main.mjs");
`;

if (import.meta.main) {
  const dir = join(root, "dist");
  await build(dir);
  for (const name of ["boma-agent", "boma-master"]) {
    const chunks = (await readdir(join(dir, name))).map((file) => join(dir, name, file));
    const sizes = await Promise.all([join(dir, `${name}.mjs`), ...chunks].map((file) => stat(file)));
    const bytes = sizes.reduce((sum, { size }) => sum + size, 0);
    console.log(
      `${relative(root, join(dir, name))}.mjs  ${Math.round(bytes / 1024)} KiB in ${sizes.length} files`,
    );
  }
}
