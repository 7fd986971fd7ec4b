import { chmod, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { expect, onTestFinished, test, vi } from "vitest";

import { tellSystemd } from "./systemd-status.ts";

test("what was told last is what systemd hears last, though an earlier word took longer", async () => {
  const dir = await mkdtemp(join(tmpdir(), "boma-notify-"));
  const said = join(dir, "said");
  onTestFinished(async () => {
    vi.unstubAllEnvs();
    await rm(dir, { recursive: true });
  });
  // The first one waits until the last one was told.
  const script = `#!/bin/sh\n[ "$1" != --status=one ] || while [ ! -e ${dir}/go ]; do sleep 0.05; done\necho "$1" >> ${said}\n`;
  await writeFile(join(dir, "systemd-notify"), script);
  await chmod(join(dir, "systemd-notify"), 0o755);
  vi.stubEnv("PATH", `${dir}:${process.env["PATH"]}`);
  vi.stubEnv("NOTIFY_SOCKET", join(dir, "socket"));
  for (const word of ["one", "two", "three"]) tellSystemd(word);
  await writeFile(join(dir, "go"), "");
  await vi.waitFor(async () => expect(await readFile(said, "utf8")).toContain("three"), { timeout: 15_000 });
  expect(await readFile(said, "utf8")).toBe("--status=one\n--status=three\n");
});
