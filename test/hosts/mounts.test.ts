/** Mounts for real, in a namespace that the test makes: needs root and loop devices. */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import { describe, expect, test } from "vitest";

import { exec, loopDisk } from "../../packages/agent/src/testing/loop.ts";
import { temporaryDirectory } from "../../packages/agent/src/testing/support.ts";

const program = fileURLToPath(new URL("../../packages/agent/src/testing/run-states.ts", import.meta.url));

/** Several states one after the other, in one namespace of mounts that ends with them. */
async function inNamespace(...uses: [name: string, key: string, params: object][]): Promise<unknown[]> {
  const words = ["--mount", "--propagation", "private", process.execPath, program, JSON.stringify(uses)];
  const { stdout } = await exec("unshare", words);
  return JSON.parse(stdout) as unknown[];
}

describe("in a namespace of mounts", { timeout: 60_000 }, () => {
  const live = { persist: false };

  test("a filesystem is mounted, found again by its label, its uuid and its device, remounted, unmounted", async () => {
    await using disk = await loopDisk(32);
    await using directory = await temporaryDirectory();
    const label = `b${process.pid}`;
    await exec("mkfs.ext4", ["-q", "-L", label, disk.path]);
    const { stdout } = await exec("blkid", ["-p", "-s", "UUID", "-o", "value", disk.path]);
    const at = join(directory.path, "my data");
    const ext4 = (source: string, ...options: string[]) => ({ ...live, source, fstype: "ext4", options });
    const said = await inNamespace(
      ["mount.mounted", at, ext4(disk.path)],
      ["mount.mounted", at, ext4(`LABEL=${label}`, "nofail", "errors=continue")],
      ["mount.mounted", at, ext4(`UUID=${stdout.trim()}`, "noexec", "noatime")],
      ["mount.mounted", at, ext4(disk.path)],
      ["mount.unmounted", at, {}],
      ["mount.unmounted", at, {}],
    );
    const [mounted, byLabel, byUuid, back, gone, again] = said as { first: object; left: object }[];
    expect(mounted).toMatchObject({ first: { mounted: { to: disk.path } }, left: {} });
    expect(byLabel).toEqual({ first: {}, left: {} });
    expect(Object.keys(byUuid!.first)).toEqual(["options"]);
    expect(byUuid!.left).toEqual({});
    expect(Object.keys(back!.first)).toEqual(["options"]);
    expect(back!.left).toEqual({});
    expect(gone).toEqual({ first: { mounts: { from: [disk.path], to: [] } }, left: {} });
    expect(again).toEqual({ first: {}, left: {} });
  });

  test("memory and a directory that is mounted a second time are known again; another thing is not replaced", async () => {
    await using directory = await temporaryDirectory();
    const [source, at] = [join(directory.path, "source"), join(directory.path, "at")];
    await mkdir(join(source, "inner"), { recursive: true });
    const tmpfs = { ...live, source: "tmpfs", fstype: "tmpfs", options: ["size=1M", "mode=0755"] };
    const bind = { ...live, source: join(source, "inner"), fstype: "none", options: ["bind", "ro"] };
    const said = await inNamespace(
      ["mount.mounted", at, tmpfs],
      ["mount.mounted", at, tmpfs],
      ["mount.mounted", at, bind],
      ["mount.unmounted", at, {}],
      ["mount.mounted", at, bind],
      ["mount.mounted", at, bind],
      ["mount.mounted", at, { ...bind, source }],
    );
    expect(said[0]).toMatchObject({ left: {} });
    expect(said[1]).toEqual({ first: {}, left: {} });
    expect(said[2]).toMatchObject({ error: { code: "state/blocked" } });
    expect(said[4]).toMatchObject({ left: {} });
    expect(said[5]).toEqual({ first: {}, left: {} });
    expect(said[6]).toMatchObject({ error: { code: "state/blocked" } });
  });

  test("what lies in a directory is not hidden by a mount", async () => {
    await using directory = await temporaryDirectory();
    await writeFile(join(directory.path, "precious"), "");
    const tmpfs = { ...live, source: "tmpfs", fstype: "tmpfs" };
    const [said] = await inNamespace(["mount.mounted", directory.path, tmpfs]);
    expect(said).toMatchObject({
      error: { code: "state/blocked", message: expect.stringContaining("precious") },
    });
  });
});
