// Goal: Ubuntu's installer is told nothing by which it could touch a disk with data, or let in anybody whom the site does not name.
// Method: what it is told is read as it reads it; its proof of a disk runs in a shell, with programs that show disks of the test.
import { execFile } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

import { afterAll, beforeAll, expect, test } from "vitest";
import { parse } from "yaml";

import { autoinstallData, PROVE } from "./autoinstall.ts";

const PACKAGES = { url: "http://10.77.0.1:8080/package", sums: ["ab  boma-agent_amd64.deb"] };
const ABOUT = {
  mac: "52:54:00:00:00:01",
  at: "http://10.77.0.1:8080/ubuntu/52-54-00-00-00-01",
  packages: PACKAGES,
};

interface Told {
  readonly autoinstall: {
    readonly version: number;
    readonly storage: { readonly layout: { readonly match: { readonly path: string } } };
    readonly "early-commands": readonly (readonly string[])[];
    readonly "late-commands": readonly (readonly string[])[];
    readonly "user-data": Readonly<Record<string, unknown>>;
  };
}
const told = (...of: Parameters<typeof autoinstallData>): Told["autoinstall"] => {
  const text = autoinstallData(...of);
  expect(text.startsWith("#cloud-config\n")).toBe(true);
  return (parse(text) as Told).autoinstall;
};

test("the disk is one that does not exist until the proof has put its own in that place", () => {
  const { storage, "early-commands": early, version } = told({ ...ABOUT, disk: "/dev/disk/by-id/wwn-1" });
  expect(version).toBe(1);
  expect(storage.layout.match.path).toBe("/dev/boma-disk");
  expect(early[0]!.slice(-2)).toEqual(["/autoinstall.yaml", "/dev/disk/by-id/wwn-1"]);
});

test("the site says who may log in; the installer makes no user, and no secret is among what it is told", () => {
  const extra = { users: [{ name: "ops", ssh_authorized_keys: ["ssh-ed25519 AAAA"] }] };
  const { "user-data": data, "late-commands": late, ...rest } = told({ ...ABOUT, node: "web-1" }, extra);
  expect(data).toEqual({ ...extra, hostname: "web-1", ssh_pwauth: false });
  expect(Object.keys(rest)).not.toContain("identity");
  expect(late.at(-1)!.at(-1)).toBe(ABOUT.at);
  expect(late[0]).toContain("ab  boma-agent_amd64.deb");
  expect(autoinstallData(ABOUT)).not.toMatch(/bt_|boma1\./);
});

let dir = "";
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), "boma-prove-"));
  mkdirSync(join(dir, "bin"));
  writeFileSync(join(dir, "empty"), Buffer.alloc(1024));
  writeFileSync(join(dir, "full"), Buffer.alloc(1024, 1));
  // A disk is a file here: its name says what is on it.
  const programs = {
    lsblk: `case "$*" in
  *--nodeps*) cat "${dir}/disks" ;;
  *NAME*) case "$*" in *parts*) printf 'a\\na1\\n' ;; *) echo a ;; esac ;;
esac`,
    wipefs: 'case "$*" in *ext4*) echo "ext4 0x438" ;; esac',
    blockdev: 'case "$*" in *small*) echo 1048576 ;; *) echo 8589934592 ;; esac',
    dd: `for word; do case $word in if=*late*) ;; if=*) cat "${dir}/empty"; exit ;; skip=[3-7]???) cat "${dir}/full"; exit ;; esac; done; cat "${dir}/empty"`,
  };
  for (const [name, text] of Object.entries(programs)) {
    writeFileSync(join(dir, "bin", name), `#!/bin/sh\n${text}\n`);
    chmodSync(join(dir, "bin", name), 0o755);
  }
  for (const name of ["new", "second", "ext4", "late", "parts", "small"]) writeFileSync(join(dir, name), "");
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

async function prove(disks: readonly string[], named?: string): Promise<string> {
  const answers = join(dir, "autoinstall.yaml");
  writeFileSync(answers, "match: {path: /dev/boma-disk}\n");
  writeFileSync(join(dir, "disks"), disks.map((name) => `${join(dir, name)} disk 0 0\n`).join(""));
  const argv = ["-ec", PROVE, "sh", answers, ...(named === undefined ? [] : [join(dir, named)])];
  const env = { PATH: `${join(dir, "bin")}:/usr/bin:/bin` };
  return promisify(execFile)("sh", argv, { env }).then(
    () => readFileSync(answers, "utf8").replaceAll(`${dir}/`, ""),
    (failed: { stderr: string }) => failed.stderr.replaceAll(`${dir}/`, "").trim(),
  );
}

test("the only empty disk is taken, and those with something on them are passed over", async () => {
  expect(await prove(["ext4", "new", "late", "parts", "small"])).toBe("match: {path: new}\n");
  expect(await prove(["ext4", "new"], "new")).toBe("match: {path: new}\n");
});

test.each<[what: string, disks: readonly string[], named: string | undefined, says: string]>([
  [
    "none is empty",
    ["ext4", "parts"],
    undefined,
    "no disk is proven empty: ext4: something is on it; parts: it has partitions, or is in use;",
  ],
  ["two are", ["new", "second"], undefined, "two disks are empty: new and second"],
  ["the named one has a filesystem", ["new", "ext4"], "ext4", "ext4 is not empty: something is on it"],
  ["the named one has data far behind", ["new", "late"], "late", "late is not empty: it is not zero"],
  ["the named one is not there", ["new"], "gone", "there is no gone"],
])("where %s, it fails and says so, and the answers name no disk", async (_what, disks, named, says) => {
  expect(await prove(disks, named)).toBe(`boma: ${says}`);
  expect(readFileSync(join(dir, "autoinstall.yaml"), "utf8")).toContain("/dev/boma-disk");
});
