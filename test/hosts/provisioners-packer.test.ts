/**
 * Goal: Packer bakes the agent into a machine that runs, by the file below `examples/provisioners/packer` as it is.
 * Method: Debian's Packer on one host, by SSH to another; Packer's own words of what it did, and what is on that machine.
 */
import { rmSync } from "node:fs";
import { mkdir, mkdtemp } from "node:fs/promises";
import { join } from "node:path";

import { afterAll, beforeAll, expect, test } from "vitest";

import { HERE } from "../../installers/build.ts";
import { agentPackage, PACKAGES } from "../support/debs.ts";
import { Fleet } from "../support/fleet.ts";
import { type Host, onBridge, REPOSITORY, startHost } from "../support/host.ts";
import { mustRun } from "../support/hosts/program.ts";

const TEMPLATE = join(REPOSITORY, "examples/provisioners/packer");

const made = new AsyncDisposableStack();
let builder: Host;
let image: Host;
let fleet: Fleet;
let words: readonly string[] = [];

beforeAll(async () => {
  await mkdir(PACKAGES, { recursive: true });
  const dir = await mkdtemp(join(PACKAGES, "packer-"));
  made.defer(() => rmSync(dir, { recursive: true, force: true }));
  const deb = await agentPackage(dir, { arch: HERE, version: "1.0.0" });
  builder = made.use(await startHost({ name: "builder", layer: { name: "packer", packages: ["packer"] } }));
  image = made.use(await startHost({ name: "image" }));
  fleet = made.use(await Fleet.start(await onBridge()));
  await mustRun(["cp", join(fleet.home, "join"), join(dir, "join")]);
  const vars = { package: deb, join: join(dir, "join"), host: image.address, key: "/root/key" };
  words = Object.entries(vars).flatMap(([name, value]) => ["-var", `${name}=${value}`]);
  await builder.must(["ssh-keygen", "-q", "-t", "ed25519", "-m", "PEM", "-N", "", "-f", "/root/key"]);
  await image.write("/root/.ssh/authorized_keys", await builder.read("/root/key.pub"));
  await image.must(["chmod", "700", "/root/.ssh"]);
}, 600_000);
afterAll(() => made.disposeAsync());

const packer = (command: string) =>
  builder.run(["sh", "-c", 'cd "$0" && exec packer "$@" .', TEMPLATE, command, ...words], {
    env: { CHECKPOINT_DISABLE: "1", HOME: "/root", PACKER_LOG: "0" },
    timeoutMs: 200_000,
  });

test("the machine has the agent, which has never run, and nothing of what was brought for it; with a token it is a node at its next boot", async () => {
  const { exitCode, stdout, stderr } = await packer("build");
  expect({ exitCode, stderr }, stdout).toMatchObject({ exitCode: 0 });
  expect(stdout).toContain("boma-agent 1.0.0 is in this image, and no identity");
  expect(await image.read("/etc/machine-id")).toBe("");
  for (const path of ["/var/lib/boma/agent", "/var/tmp/boma", "/usr/sbin/policy-rc.d", "/etc/boma/token"])
    expect({ path, there: await image.exists(path) }).toEqual({ path, there: false });
  expect((await image.run(["systemctl", "is-active", "boma-agent"])).stdout).toBe("inactive\n");

  const { token } = await fleet.token();
  await image.write("/etc/boma/token", token);
  const connected = fleet.event("node.connected", ({ id }) => id === "image");
  await image.reboot();
  await connected;
});

test("on a machine that is a node already it fails, and the node stays the one that it was", async () => {
  const before = await image.must(["boma-agent", "enroll", "--json"]);
  const number = await image.read("/etc/machine-id");
  const { exitCode, stdout } = await packer("build");
  expect(exitCode).toBe(1);
  expect(stdout).toContain("this is a node already");
  expect(await image.read("/etc/machine-id")).toBe(number);
  expect(JSON.parse(await image.must(["boma-agent", "enroll", "--json"]))).toMatchObject({
    node: (JSON.parse(before) as { node: string }).node,
  });
});
