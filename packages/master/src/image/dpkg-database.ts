/**
 * What dpkg knows of the packages that were unpacked into a root, written as dpkg
 * writes it. Without it apt on the node would take the root for empty.
 */
import { createHash } from "node:crypto";
import { appendFile, mkdir, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { program } from "./program.ts";

const ADMIN = "var/lib/dpkg";

export async function beginDatabase(root: string): Promise<void> {
  for (const dir of ["info", "updates", "triggers"]) await mkdir(join(root, ADMIN, dir), { recursive: true });
  await writeFile(join(root, ADMIN, "info/format"), "1\n");
  await writeFile(join(root, ADMIN, "status"), "");
  await writeFile(join(root, ADMIN, "available"), "");
}

/** `listed` is what the package holds, as tar lists it. */
export async function recordPackage(root: string, file: string, listed: string): Promise<void> {
  const control = join(root, ADMIN, "tmp.ci");
  await rm(control, { recursive: true, force: true });
  await program(["dpkg-deb", "--control", file, control]);
  const fields = await readFile(join(control, "control"), "utf8");
  const base = infoName(fields);
  const info = join(root, ADMIN, "info");
  await writeFile(join(info, `${base}.list`), listOf(listed));
  for (const name of await readdir(control))
    if (name !== "control") await rename(join(control, name), join(info, `${base}.${name}`));
  await rm(control, { recursive: true, force: true });
  const conffiles = await readFile(join(info, `${base}.conffiles`), "utf8").catch(() => "");
  await appendFile(join(root, ADMIN, "status"), await statusOf(root, fields, conffiles));
}

const field = (fields: string, name: string): string | undefined =>
  new RegExp(`^${name}: *(.*)$`, "m").exec(fields)?.[1];

/** Packages that may be there for two architectures at once have theirs in the name. */
function infoName(fields: string): string {
  const name = field(fields, "Package")!;
  return field(fields, "Multi-Arch") === "same" ? `${name}:${field(fields, "Architecture")}` : name;
}

/** `./usr/bin/` as dpkg says it: `/usr/bin`, and the root itself as `/.`. */
const listOf = (listed: string): string =>
  listed
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => line.replace(/^\.\//, "/").replace(/\/$/, ""))
    .map((path) => `${path === "" ? "/." : path}\n`)
    .join("");

async function statusOf(root: string, fields: string, conffiles: string): Promise<string> {
  const [first, ...rest] = fields.trimEnd().split("\n");
  const held: string[] = [];
  for (const path of conffiles.split("\n").filter((line) => line.startsWith("/"))) {
    const bytes = await readFile(join(root, path)).catch(() => undefined);
    // MD5 is what dpkg compares with, to tell an operator's change from its own file.
    if (bytes) held.push(` ${path} ${createHash("md5").update(bytes).digest("hex")}`);
  }
  const conf = held.length === 0 ? [] : ["Conffiles:", ...held];
  return `${[first, "Status: install ok installed", ...rest, ...conf].join("\n")}\n\n`;
}
