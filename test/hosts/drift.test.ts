/**
 * Goal: on a real machine a node says by itself that a file, a service or a package is not
 * as its catalog says, and names the person whom sudo and apt name.
 * Method: a Debian with systemd, a real master, and a user who changes things with sudo.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { afterAll, beforeAll, expect, test } from "vitest";

import { Fleet } from "../support/fleet.ts";
import { type Host, onBridge, startHost } from "../support/host.ts";
import { run } from "../support/run.ts";

const TREE = `import { file, pkg, service, top, tree } from "@boma/states";
const base = tree(() => [
  file.managed("/etc/motd", { contents: "welcome\\n" }),
  pkg.installed("tree"),
  service.running("cron", { enable: true, drift: "enforce" }),
]);
export default top({ "*": [base] });
`;

let host: Host;
let fleet: Fleet;
beforeAll(async () => {
  host = await startHost({ name: "drifting" });
  fleet = await Fleet.start(await onBridge());
  await host.must(["useradd", "--create-home", "--shell", "/bin/bash", "alice"]);
  await host.write("/etc/sudoers.d/alice", "alice ALL=(ALL) NOPASSWD: ALL\n");
  await host.enrol(fleet);
  mkdirSync(join(fleet.home, "site"), { recursive: true });
  writeFileSync(join(fleet.home, "site/top.ts"), TREE);
  const { code, value } = await run(fleet, "drifting", "state.apply");
  if (code !== 0) throw new Error(`the apply failed: ${JSON.stringify(value)}`);
  // The look that follows a first apply could find by its schedule what a beacon is to find here.
  await fleet.event("drift.checked");
});
afterAll(async () => {
  await fleet?.[Symbol.asyncDispose]();
  await host?.[Symbol.asyncDispose]();
});

const byAlice = (line: string): Promise<string> =>
  host.must(["runuser", "--login", "alice", "--command", line]);
const told = (kind: string, resource: string) =>
  fleet.event(`drift.${kind}`, ({ data }) => data["resource"] === resource);

test("a file that somebody edits with sudo is told with who it was", async () => {
  await byAlice("echo mine | sudo tee /etc/motd");
  const { data } = await told("found", "file.managed(/etc/motd)");
  expect(data).toMatchObject({ sinceBy: "change", trigger: "beacon", who: ["alice (sudo tee)"] });
  expect(await host.read("/etc/motd")).toBe("mine\n");
});

test("a service that somebody stops is started again, and told with who it was", async () => {
  await byAlice("sudo systemctl stop cron");
  const { data } = await told("found", "service.running(cron)");
  expect(data).toMatchObject({ mode: "enforce", trigger: "beacon", who: ["alice (sudo systemctl)"] });
  expect((await told("healed", "service.running(cron)")).data).toMatchObject({ by: "boma" });
  expect(await host.must(["systemctl", "is-active", "cron"])).toBe("active\n");
});

test("a package that somebody removes is found by the next look, and apt says who it was", async () => {
  await byAlice("sudo apt-get remove --yes tree");
  const { value } = await run(fleet, "drifting", "drift.check", "pkg.installed(tree)");
  expect(value.nodes["drifting"]!.return).toMatchObject({ drifted: [{ resource: "pkg.installed(tree)" }] });
  const { data } = await told("found", "pkg.installed(tree)");
  expect(data).toMatchObject({ sinceBy: "change", trigger: "asked", who: ["alice (apt-get remove)"] });
});
