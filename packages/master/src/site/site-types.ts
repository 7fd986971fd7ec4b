/**
 * Types for the site. `.boma/tsconfig.json` says where boma's own sources lie on
 * this machine; the site's tsconfig.json extends it, and so holds no path of a machine.
 */
import { spawn } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, realpathSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";

import { BomaError } from "@boma/protocol";
import { builtInSpecs, treeSchema } from "@boma/states";

import type { Finding } from "./check-site.ts";

const require = createRequire(import.meta.url);
const OUTPUT_BYTES_MAX = 4 * 1024 * 1024;
const TIME_MS_MAX = 120_000;

const sourceOf = (name: string): string => realpathSync(fileURLToPath(import.meta.resolve(name)));

/** Where TypeScript finds the types of a package: beside its package.json. */
const folderOf = (name: string): string => {
  const entry = sourceOf(name);
  const marker = join("node_modules", name);
  return entry.slice(0, entry.lastIndexOf(marker) + marker.length);
};

function options(): object {
  const zod = folderOf("zod");
  return {
    compilerOptions: {
      target: "es2025",
      lib: ["esnext"],
      module: "esnext",
      moduleResolution: "bundler",
      moduleDetection: "force",
      types: ["node"],
      typeRoots: [join(dirname(zod), "@types")],
      noEmit: true,
      strict: true,
      noUncheckedIndexedAccess: true,
      noImplicitOverride: true,
      noFallthroughCasesInSwitch: true,
      erasableSyntaxOnly: true,
      verbatimModuleSyntax: true,
      allowImportingTsExtensions: true,
      skipLibCheck: true,
      paths: {
        "@boma/states": [sourceOf("@boma/states")],
        "@boma/states/testing": [sourceOf("@boma/states/testing")],
        zod: [zod],
        eta: [folderOf("eta")],
      },
    },
  };
}

/** Writes where our sources lie now, and what a tree in YAML may say; nothing happens where that is known already. */
export function writeSiteTypes(site: string): void {
  writeJson(join(site, ".boma/tsconfig.json"), options());
  writeJson(join(site, ".boma/tree.schema.json"), treeSchema(builtInSpecs));
}

function writeJson(path: string, value: object): void {
  const text = `${JSON.stringify(value, undefined, 2)}\n`;
  if (existsSync(path) && readFileSync(path, "utf8") === text) return;
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
}

/** Runs TypeScript's own compiler over the site. */
export async function checkTypes(site: string): Promise<Finding[]> {
  const config = join(site, "tsconfig.json");
  if (!existsSync(config))
    throw new BomaError("site/missing", `${config} is missing, so types cannot be checked`, {
      hint: 'Write {"extends": "./.boma/tsconfig.json"} into it, or leave types out with --no-types.',
    });
  writeSiteTypes(site);
  const tsc = join(dirname(require.resolve("typescript/package.json")), "bin/tsc");
  const output = await outputOf(process.execPath, [tsc, "--project", config, "--pretty", "false"], site);
  const found = [...findingsIn(output.text, site)];
  if (found.length > 0 || output.code === 0) return found;
  return [
    {
      code: "site/broken",
      what: `the type checker ended with ${output.code}: ${output.text.slice(0, 2000)}`,
    },
  ];
}

function outputOf(program: string, args: readonly string[], cwd: string) {
  return new Promise<{ text: string; code: number | null }>((done, failed) => {
    const child = spawn(program, args, { cwd, stdio: ["ignore", "pipe", "pipe"], timeout: TIME_MS_MAX });
    let text = "";
    const hear = (bytes: Buffer): void =>
      void (text.length < OUTPUT_BYTES_MAX && (text += bytes.toString("utf8")));
    child.stdout.on("data", hear);
    child.stderr.on("data", hear);
    child.once("error", failed);
    child.once("close", (code) => done({ text, code }));
  });
}

const ROW = /^(.+?)\((\d+),(\d+)\): error (TS\d+): (.*)$/;
const CONFIG_ROW = /^error (TS\d+): (.*)$/;

function* findingsIn(text: string, site: string): Generator<Finding> {
  let last: { code: string; what: string; place?: Finding["place"] } | undefined;
  for (const row of text.split("\n")) {
    const [, file, line, column, code, what] = ROW.exec(row) ?? [];
    const whole = file === undefined ? CONFIG_ROW.exec(row) : undefined;
    if (file !== undefined || whole) {
      if (last) yield last;
      last =
        file === undefined
          ? { code: whole![1]!, what: whole![2]! }
          : {
              code: code!,
              what: what!,
              place: {
                file: relative(site, resolve(site, file)),
                line: Number(line),
                column: Number(column),
              },
            };
    } else if (last && /^\s/.test(row)) last = { ...last, what: `${last.what}\n${row}` };
  }
  if (last) yield last;
}
