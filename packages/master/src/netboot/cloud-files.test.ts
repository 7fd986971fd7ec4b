import { createHash } from "node:crypto";

import { expect, test } from "vitest";

import { cloudFiles } from "./cloud-files.ts";
import type { BootAnswer } from "./netboot.ts";

const ASKED = { mac: "52:54:00:00:00:01", address: "10.77.0.9", url: "http://10.77.0.1:8080" };
const files = (answer: BootAnswer, packages: Readonly<Record<string, string>> = {}) =>
  cloudFiles({
    boot: () => Promise.resolve(answer),
    join: () => Promise.resolve("boma1.x"),
    dir: undefined,
    files: new Map(Object.entries(packages).map(([path, text]) => [path, Buffer.from(text)])),
  });

test("user-data names the digest of each package that the service gives out, and nothing else of it", async () => {
  const given = { "package/boma-agent_amd64.deb": "one", "undionly.kpxe": "loader" };
  const cloud = files({ boots: true, token: "bt_A_B", time: 1 }, given);
  const text = await cloud("user-data", ASKED);
  const { runcmd } = JSON.parse(text!.replace("#cloud-config\n", "")) as { runcmd: string[][] };
  const digest = createHash("sha256").update("one").digest("hex");
  expect(runcmd[0]!.slice(4)).toEqual(["http://10.77.0.1:8080/package", `${digest}  boma-agent_amd64.deb`]);
});

test("a machine whose node is on its disk gets user-data without a token, one that has no window gets none", async () => {
  const settled = await files({ boots: false, disk: true, why: "it is web-1" })("user-data", ASKED);
  expect(settled).toMatch(/^#cloud-config\n/);
  expect(settled).not.toMatch(/bt_|boma1/);
  expect(await files({ boots: false, why: "no window" })("user-data", ASKED)).toBeUndefined();
});
