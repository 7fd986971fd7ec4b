/**
 * Goal: the commands of docs/guide/scale.md make a Debian the bus of a site: its server lets nodes in, has its line to the
 * centre, and comes back with the machine.
 * Method: what the guide has an operator type there, word for word, in a machine with systemd and apt.
 */
import { execFileSync } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";

import { afterAll, beforeAll, expect, test } from "vitest";

import { PACKAGES } from "../support/debs.ts";
import { Fleet } from "../support/fleet.ts";
import { type Host, onBridge, REPOSITORY, startHost } from "../support/host.ts";
import { BRIDGE_ADDRESS } from "../support/hosts/network.ts";
import { offerPackages } from "../support/hosts/offered.ts";
import { run } from "../support/run.ts";

const CENTRE = `${BRIDGE_ADDRESS}:7422`;
const POLL = { timeout: 60_000, interval: 250 };

let server: Host;
let node: Host;
let fleet: Fleet;
let archive: string;
beforeAll(async () => {
  mkdirSync(PACKAGES, { recursive: true });
  archive = mkdtempSync(join(PACKAGES, "site-"));
  // Not root alone reads it: apt fetches as a user of its own.
  chmodSync(archive, 0o755);
  [server, node] = await Promise.all([startHost({ name: "nats-fra" }), startHost({ name: "web-fra" })]);
  fleet = await Fleet.start({ ...(await onBridge()), serve: ["--site-listen", CENTRE] });
  await server.write("/etc/apt/sources.list.d/debian.list", await offerPackages(archive, ["nats-server"]));
});
afterAll(async () => {
  await Promise.all([server?.[Symbol.asyncDispose](), node?.[Symbol.asyncDispose]()]);
  await fleet?.[Symbol.asyncDispose]();
  rmSync(archive, { recursive: true, force: true });
});

/** What the guide has typed at this prompt, with the lines of documents that are written there. */
function typedAt(prompt: string, after: string): string {
  const guide = readFileSync(join(REPOSITORY, "docs/guide/scale.md"), "utf8");
  const block = guide.split("```").find((part) => part.includes(after))!;
  const typed: string[] = [];
  let isOurs = false;
  for (const line of block.split("\n")) {
    const [said, where] = /^(\w+)# /.exec(line) ?? [];
    if (where !== undefined) isOurs = where === prompt;
    if (isOurs) typed.push(line.slice(said?.length ?? 0));
  }
  return typed.join("\n");
}

/** As `rsync -a` does, with owners and modes. */
async function bring(from: string, host: Host, to: string): Promise<void> {
  const packed = execFileSync("tar", ["-C", from, "-c", "."]).toString("base64");
  await host.must(["sh", "-ec", `mkdir -p ${to}; base64 -d | tar -C ${to} -x`], { stdin: packed });
}

const siteLine = async (): Promise<string> =>
  (await fleet.ok("status")).split("\n").find((line) => line.startsWith("site ")) ?? "";

test("a machine is made a site's server as the guide says, and a node is let in there and runs what it is told", async () => {
  const out = join(fleet.dir, "fra");
  const url = `tls://${server.address}:4222`;
  await fleet.ok("site-server", "fra", "--url", url, "--centre", `tls://${CENTRE}`, "--out", out);
  await fleet.master.stop();
  await fleet.serve();
  await bring(out, server, "/var/lib/boma-site");

  const typed = typedAt("fra", "boma-master site-server fra");
  expect(typed).toContain("systemctl enable --now boma-site");
  await server.must(["apt-get", "update"]);
  await server.write("/root/typed", typed);
  await server.must(["sh", "-e", "/root/typed"], { timeoutMs: 120_000 });
  await expect.poll(siteLine, POLL).toMatch(/fra: 0 of 0 nodes connected, its server is connected/);

  const { joinToken } = await fleet.token("--assign", "site=fra");
  await node.write("/etc/boma/token", joinToken);
  await node.serviceAgent("boma-agent", ["run", "--token-file", "/etc/boma/token", "--id", node.name]);
  await fleet.event("node.connected", ({ id }) => id === node.name);
  expect((await run(fleet, "site:fra", "test.ping")).value.summary).toEqual({ ok: 1 });
  expect(await server.must(["ss", "-Htn", "state", "established", "sport = :4222"])).toContain(node.address);
});

test("its server comes back with the machine, and so does the node behind it", async () => {
  await server.reboot();
  const answers = async () => (await run(fleet, "site:fra", "test.ping")).value.summary;
  await expect.poll(answers, POLL).toEqual({ ok: 1 });
  // Debian's own service, which would let everybody in, stays away.
  expect((await server.run(["systemctl", "is-active", "nats-server"])).stdout).toBe("inactive\n");
});
