import { mkdtemp, readFile, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterAll, beforeAll, expect, test } from "vitest";

import { makeLive } from "./live-node.ts";

let dir = "";
beforeAll(async () => void (dir = await mkdtemp(join(tmpdir(), "boma-live-"))));
afterAll(() => rm(dir, { recursive: true, force: true }));

test("the profile of an image is a claim of its nodes; without one they claim none", async () => {
  const [plain, meant] = [join(dir, "plain"), join(dir, "meant")];
  await makeLive(plain, { join: "boma1.x", sources: "deb http://a b c\n" });
  await makeLive(meant, { join: "boma1.x", sources: "deb http://a b c\n", profile: "db" });
  const claim = "etc/boma/grains.d/50-image.json";
  expect(await readFile(join(meant, claim), "utf8")).toBe('{"profile":"db"}\n');
  await expect(stat(join(plain, claim))).rejects.toMatchObject({ code: "ENOENT" });
});

test("who the master is, is for root's eyes", async () => {
  const root = join(dir, "kit");
  await makeLive(root, { join: "boma1.x", sources: "" });
  expect((await stat(join(root, "etc/boma/join"))).mode & 0o777).toBe(0o600);
});
