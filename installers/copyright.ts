/** The licences of what a package brings of others: each of them asks to go along. */
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";

import type { Program } from "./bundle.ts";
import { type Architecture, ARCHITECTURES, type Locked, type LockFile } from "./lock-file.ts";
import { packageDir } from "./npm-package.ts";
import { file, type TreeFile } from "./tree-file.ts";

const LICENCE = /^(licen[cs]e|copying|notice)(\.|$)/i;

/** Of the runtime, and of every package that the sources ask for. */
export async function copyrightOf(program: Program, arch: Architecture, lock: LockFile): Promise<TreeFile> {
  const ours = ["protocol", "states", program].flatMap((name) => lock.needsOf(`packages/${name}`));
  const others = ours.filter((name) => !name.startsWith("@boma/"));
  const runtime = lock.locked(`node_modules/node-linux-${ARCHITECTURES[arch]}`);
  const parts: string[] = [];
  for (const locked of [runtime, ...lock.closure(others, arch)]) parts.push(await licenceOf(locked));
  return file(`usr/share/doc/boma-${program}/copyright`, parts.join("\n"));
}

async function licenceOf(locked: Locked): Promise<string> {
  const dir = await packageDir(locked);
  const names = (await readdir(dir)).filter((name) => LICENCE.test(name)).toSorted();
  const { license = "see its sources" } = JSON.parse(await readFile(join(dir, "package.json"), "utf8")) as {
    license?: string;
  };
  const texts = await Promise.all(names.map((name) => readFile(join(dir, name), "utf8")));
  const head = `${locked.name} ${locked.version} (${license})`;
  return `${head}\n${"=".repeat(head.length)}\n\n${texts.map((text) => `${text.trimEnd()}\n`).join("\n")}`;
}
