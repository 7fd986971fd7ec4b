/** Goal: `install.sh` installs what its release signed and nothing else, and takes away what it installed and nothing else. */
import { execFile } from "node:child_process";
import { generateKeyPairSync, type KeyObject } from "node:crypto";
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterEach, beforeEach, describe, expect, test } from "vitest";

import { agentFiles } from "../installers/agent-package.ts";
import { archiveBytes } from "../installers/archive.ts";
import { HERE } from "../installers/build.ts";
import { ROOT } from "../installers/root.ts";
import { writeSums } from "../installers/sums.ts";
import { file, type TreeFile } from "../installers/tree-file.ts";

const SCRIPT = join(ROOT, "installers/install.sh");
let dir: string;
let from: string;
let prefix: string;
let archive: string;

const { privateKey, publicKey } = generateKeyPairSync("ed25519");
const keep = (name: string, key: KeyObject, type: "pkcs8" | "spki"): string => {
  const path = join(dir, name);
  writeFileSync(path, key.export({ format: "pem", type } as never));
  return path;
};

async function release(version: string, more: readonly TreeFile[] = [], sign = true): Promise<void> {
  rmSync(from, { recursive: true, force: true });
  mkdirSync(from);
  const name = `boma-agent-${version}-linux-${HERE}.tar.gz`;
  const program = Buffer.from(`#!/bin/sh\necho ${version}\n`);
  const files = [...(await agentFiles(program)), ...more];
  archive = join(from, name);
  writeFileSync(archive, await archiveBytes(files, { epochSeconds: 1, level: 1 }));
  await writeSums(from, [name], sign ? keep("key.pem", privateKey, "pkcs8") : undefined);
}

interface Said {
  readonly code: number;
  readonly text: string;
}
const shell = (...words: readonly string[]): Promise<Said> =>
  new Promise((resolve) => {
    execFile("sh", [SCRIPT, ...words], (error, stdout, stderr) =>
      resolve({ code: error ? Number(error.code) : 0, text: stdout + stderr }),
    );
  });
const install = (...words: readonly string[]) => shell("agent", "--from", from, "--prefix", prefix, ...words);
const installed = (path: string): string => join(prefix, path);
const key = () => ["--key", keep("key.pub", publicKey, "spki")] as const;

beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), "boma-install-"));
  from = join(dir, "a release");
  prefix = join(dir, "the root");
  await release("1.0.0");
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

/** Nothing of a refused release may be there. */
async function refused(why: string, ...words: readonly string[]): Promise<void> {
  const { code, text } = await install(...words);
  expect({ code, text }).toEqual({ code: 1, text: expect.stringContaining(why) as string });
  expect(existsSync(installed("usr/lib/boma-agent"))).toBe(false);
  const left = existsSync(installed("usr/lib")) ? readdirSync(installed("usr/lib")) : [];
  expect(left).toEqual([]);
}

describe("a release", () => {
  test("that is signed is installed, and says what was done", async () => {
    const { code, text } = await install(...key());
    expect({ code, text }).toMatchObject({
      code: 0,
      text: expect.stringContaining("signature holds") as string,
    });
    expect(readFileSync(installed("usr/lib/boma-agent/boma-agent"), "utf8")).toContain("1.0.0");
    expect(text).toMatch(/installed \d+ files below/);
  });

  test("without a key is refused, unless somebody says that digests will do", async () => {
    await refused("--no-signature");
    expect((await install("--no-signature")).code).toBe(0);
  });

  test("that another key signed, or nobody, is refused", async () => {
    const other = generateKeyPairSync("ed25519").publicKey;
    await refused("is not signed with", "--key", keep("other.pub", other, "spki"));
    await release("1.0.0", [], false);
    await refused("the release is not signed", ...key());
  });

  test("whose archive or digests were changed afterwards is refused", async () => {
    appendFileSync(archive, "more");
    await refused("it was changed or damaged", ...key());
    appendFileSync(join(from, "SHA256SUMS"), "more\n");
    await refused("is not signed with", ...key());
  });

  test("whose program does not run here changes nothing of the one that is installed", async () => {
    await install(...key());
    const program = "usr/lib/boma-agent/boma-agent";
    rmSync(from, { recursive: true });
    await release("2.0.0");
    const broken = await agentFiles(Buffer.from("#!/bin/sh\nexit 1\n"));
    writeFileSync(archive, await archiveBytes(broken, { epochSeconds: 1, level: 1 }));
    await writeSums(
      from,
      readdirSync(from).filter((name) => name.endsWith(".gz")),
      keep("key.pem", privateKey, "pkcs8"),
    );
    expect(await install(...key())).toMatchObject({
      code: 1,
      text: expect.stringContaining("does not run") as string,
    });
    expect(readFileSync(installed(program), "utf8")).toContain("1.0.0");
  });
});

describe("another version over it", () => {
  test("replaces programs, keeps what people wrote below etc, and removes what it has no more", async () => {
    await release("1.0.0", [file("usr/share/old", "old")]);
    await install(...key());
    writeFileSync(installed("etc/default/boma-agent"), "mine\n");
    expect(existsSync(installed("usr/share/old"))).toBe(true);
    await release("2.0.0");
    expect(await install(...key())).toMatchObject({ code: 0 });
    expect(readFileSync(installed("usr/lib/boma-agent/boma-agent"), "utf8")).toContain("2.0.0");
    expect(readFileSync(installed("etc/default/boma-agent"), "utf8")).toBe("mine\n");
    expect(existsSync(installed("usr/share/old"))).toBe(false);
  });
});

describe("what is somebody's own", () => {
  test("is not replaced: a program stops the installation, and a configuration stays even after a purge", async () => {
    mkdirSync(installed("usr/bin"), { recursive: true });
    writeFileSync(installed("usr/bin/boma-agent"), "mine");
    await refused("is there already", ...key());
    expect(readFileSync(installed("usr/bin/boma-agent"), "utf8")).toBe("mine");
    rmSync(installed("usr/bin/boma-agent"));
    mkdirSync(installed("etc/default"), { recursive: true });
    writeFileSync(installed("etc/default/boma-agent"), "mine");
    expect((await install(...key())).code).toBe(0);
    expect((await shell("agent", "--prefix", prefix, "--purge")).code).toBe(0);
    expect(readFileSync(installed("etc/default/boma-agent"), "utf8")).toBe("mine");
  });
});

test("a run that was cut off in the middle can be repeated", async () => {
  // A file where a directory has to be.
  mkdirSync(installed("usr/lib"), { recursive: true });
  writeFileSync(installed("usr/lib/systemd"), "");
  expect((await install(...key())).code).not.toBe(0);
  expect(existsSync(installed("usr/lib/boma-agent/boma-agent"))).toBe(true);
  rmSync(installed("usr/lib/systemd"));
  expect(await install(...key())).toMatchObject({ code: 0 });
  expect(existsSync(installed("usr/lib/boma-agent/probation"))).toBe(true);
  expect(readdirSync(installed("usr/lib")).toSorted()).toEqual([
    "boma-agent",
    "boma-agent.installed",
    "systemd",
  ]);
});

describe("--uninstall", () => {
  test("takes away what was installed, and leaves configuration and everything that is not its own", async () => {
    mkdirSync(installed("usr/lib"), { recursive: true });
    writeFileSync(installed("usr/lib/other"), "");
    await install(...key());
    expect((await shell("agent", "--prefix", prefix, "--uninstall")).code).toBe(0);
    expect(readdirSync(installed("usr/lib"))).toEqual(["other"]);
    expect(existsSync(installed("etc/default/boma-agent"))).toBe(true);
    expect(await shell("agent", "--prefix", prefix, "--uninstall")).toMatchObject({ code: 1 });
  });

  test("with --purge leaves nothing, and a list that leads elsewhere is refused", async () => {
    await install(...key());
    mkdirSync(installed("var/lib/boma/agent"), { recursive: true });
    expect((await shell("agent", "--prefix", prefix, "--purge")).code).toBe(0);
    expect(existsSync(installed("var/lib/boma"))).toBe(false);
    expect(existsSync(installed("usr"))).toBe(false);
    await install(...key());
    const precious = join(dir, "precious");
    writeFileSync(precious, "");
    writeFileSync(installed("usr/lib/boma-agent.installed"), "../precious\n");
    expect(await shell("agent", "--prefix", prefix, "--uninstall")).toMatchObject({ code: 1 });
    expect(existsSync(precious)).toBe(true);
  });
});

test("a word that it does not know, or an option without its value, is a usage error", async () => {
  for (const words of [["server"], ["--key"], ["agent", "master"]])
    expect(await shell(...words)).toMatchObject({
      code: 2,
      text: expect.stringContaining("usage:") as string,
    });
});
