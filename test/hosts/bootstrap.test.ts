/**
 * Goal: one command makes a clean machine the first server: master, bus, node with its profile, boot service; the same
 * command again changes nothing, completes what was killed, and refuses before it changes what it could not finish.
 * Method: a signed release and its `install.sh` in real systemd machines; a second machine on the boot LAN.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

import { afterAll, beforeAll, describe, expect, test } from "vitest";

import type { Bootstrapped } from "../../packages/master/src/bootstrap/bootstrap.ts";
import { PACKAGES } from "../support/debs.ts";
import { type Host, startHost } from "../support/host.ts";
import { BRIDGE_ADDRESS } from "../support/hosts/network.ts";
import { INSTALLED } from "../support/hosts/own-network.ts";
import { makeRelease, type Release } from "../support/release.ts";

const BOOT_ADDRESS = "10.77.0.1";
const POLL = { timeout: 120_000, interval: 500 };
const APPLY_MS_MAX = 220_000;

/** What a first server is, in small: its two networks, a firewall with the doors of master and boot service, a package, a file. */
const siteFor = (address: string): Readonly<Record<string, string>> => ({
  "top.ts": 'import { top } from "@boma/states";\nexport default top({ "role:first": ["first"] });\n',
  "profiles/bootstrap-server.yaml": "roles: [first]\nassign: { env: dev }\n",
  "states/first.ts": `import { file, firewall, firewallKit, network, pkg, tree, user } from "@boma/states";
export default tree(({ node, assigned }) => [
  network.interfaces("node", {
    interfaces: {
      eth0: { addresses: ["${address}/24"], gateway: "${BRIDGE_ADDRESS}" },
      eth1: { addresses: ["${BOOT_ADDRESS}/24"] },
    },
    replaces: ["${INSTALLED}"],
  }),
  firewallKit({ control: { sshFrom: ["10.66.0.0/24"] }, zones: { lan: { interfaces: ["eth0", "eth1"] } } }),
  firewall.port("boma", { tcp: [4222, 8080], udp: [67, 69], exposure: "lan" }),
  pkg.installed("tree"),
  user.present("cowboy", { shell: "/bin/bash" }),
  file.managed("/etc/first", { contents: \`\${node.id} \${assigned["env"]} \${assigned["profile"]}\\n\` }),
]);
`,
});

let release: Release;
let site = "";
let host: Host;
const made = new AsyncDisposableStack();

function writeSite(files: Readonly<Record<string, string>>): void {
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(site, name)), { recursive: true });
    writeFileSync(join(site, name), text);
  }
}

beforeAll(async () => {
  release = made.use(await makeRelease("1.0.0"));
  site = mkdtempSync(join(PACKAGES, "site-"));
  made.defer(() => rmSync(site, { recursive: true, force: true }));
  host = made.use(await startHost({ name: "first", networkd: true, cables: { eth1: "boot" } }));
  writeSite(siteFor(host.address));
  await clean();
}, 900_000);
afterAll(() => made.disposeAsync());

/** A Debian that can reach an archive of Debian, and nothing of boma. */
const clean = () => host.write("/etc/apt/sources.list.d/debian.list", release.source);

const command = (...words: readonly string[]): readonly string[] => [
  "sh",
  `${release.dir}/install.sh`,
  "bootstrap",
  "--key",
  release.key,
  ...words,
];
const OWN = () => ["--site", site] as const;
const BOOT = ["--boot-address", BOOT_ADDRESS, "--boot-interface", "eth1"] as const;
const DHCP = ["--boot-dhcp", "full", "--boot-range", "10.77.0.100,10.77.0.120"] as const;
const install = (...words: readonly string[]) => host.run(command(...words), { timeoutMs: APPLY_MS_MAX });

/** The whole of it, as a program would read it. */
async function whole(): Promise<Bootstrapped & { readonly ok: boolean }> {
  const { stdout, stderr, exitCode } = await install(...OWN(), ...BOOT, ...DHCP, "--json");
  if (exitCode !== 0)
    throw new Error(`bootstrap ended with ${exitCode}:\n${stdout}${stderr}\n${await host.tail()}`);
  return JSON.parse(stdout) as Bootstrapped & { readonly ok: boolean };
}
const active = async (name: string): Promise<string> =>
  (await host.run(["systemctl", "is-active", name])).stdout.trim();

/** Nothing of boma, and Debian's own bus as it was. */
async function untouched(): Promise<void> {
  expect((await host.run(["dpkg", "--status", "boma-master"])).exitCode).toBe(1);
  for (const path of [
    "/var/lib/boma-master",
    "/usr/bin/boma-master",
    "/etc/boma",
    "/etc/systemd/system/nats-server.service",
  ])
    expect({ path, there: await host.exists(path) }).toEqual({ path, there: false });
}

describe("on a clean Debian", () => {
  test("what cannot work is refused before anything is changed", async () => {
    const forged = await host.run([
      "sh",
      `${release.dir}/install.sh`,
      "bootstrap",
      "--key",
      `${site}/top.ts`,
    ]);
    expect(forged).toMatchObject({
      exitCode: 1,
      stderr: expect.stringContaining("is not signed with") as string,
    });
    const user = await host.run(["setpriv", "--reuid=nobody", "--", ...command(...OWN())]);
    expect(user).toMatchObject({ exitCode: 1, stderr: expect.stringContaining("only root") as string });
    await host.write(
      "/root/fake/uname",
      `#!/bin/sh\n[ "$1" = -m ] && echo riscv64 || exec /bin/uname "$@"\n`,
    );
    await host.must(["chmod", "755", "/root/fake/uname"]);
    const PATH = "/root/fake:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
    const other = await host.run(command(...OWN()), { env: { PATH } });
    expect(other).toMatchObject({ exitCode: 1 });
    expect(other.stderr).toContain("there is no boma for riscv64");
    await host.service("squatter", [
      process.execPath,
      "-e",
      'require("node:net").createServer().listen(4222)',
    ]);
    await expect.poll(() => host.must(["ss", "-Hltn", "sport = :4222"]), POLL).toContain("4222");
    const taken = await install(...OWN());
    expect(taken).toMatchObject({
      exitCode: 1,
      stderr: expect.stringMatching(/something listens on port 4222/) as string,
    });
    await host.must(["systemctl", "stop", "squatter"]);
    await host.must(["mv", "/etc/apt/sources.list.d/debian.list", "/root/away"]);
    const offline = await install(...OWN());
    await host.must(["mv", "/root/away", "/etc/apt/sources.list.d/debian.list"]);
    expect(offline).toMatchObject({
      exitCode: 1,
      stderr: expect.stringMatching(/apt-get cannot have what/) as string,
    });
    await untouched();
  });

  test("one command brings up master, node, profile and boot service, and says what comes next", async () => {
    const { exitCode, stdout, stderr } = await install(...OWN(), ...BOOT, ...DHCP);
    expect({ exitCode, said: stdout + (exitCode === 0 ? "" : stderr) }).toMatchObject({
      exitCode: 0,
      said: expect.stringMatching(/changed +trust root[^]*done[^]*next:/) as string,
    });
    expect(await host.read("/etc/first")).toBe("first dev bootstrap-server\n");
    expect(await host.exists("/etc/boma/token")).toBe(false);
    expect(await host.must(["boma-agent", "status"])).toMatch(/state +connected/);
    expect(await active("boma-netboot")).toBe("active");
  }, 300_000);

  test("the same command again says 0 changes", async () => {
    const again = await whole();
    expect(again.steps.filter(({ result }) => result !== "ok")).toEqual([]);
    expect(again).toMatchObject({ ok: true, changes: 0, applied: { changed: 0, failed: [] } });
  });

  test("after a reboot all of it is up again, and a machine on the boot LAN gets address, loader and script", async () => {
    await host.reboot();
    await expect.poll(async () => (await host.run(["boma-master", "status"])).exitCode, POLL).toBe(0);
    const nodes = async () =>
      JSON.parse((await host.run(["boma-master", "nodes", "--json"])).stdout || "[]") as unknown;
    await expect.poll(nodes, POLL).toMatchObject([{ id: "first", connected: true }]);
    await expect.poll(() => active("boma-netboot"), POLL).toBe("active");
    await using machine = await startHost({ name: "newcomer", networkd: true, cables: { eth1: "boot" } });
    await machine.write("/etc/systemd/network/60-boot.network", "[Match]\nName=eth1\n[Network]\nDHCP=ipv4\n");
    await machine.must(["networkctl", "reload"]);
    const address = async () => machine.must(["ip", "-4", "-oneline", "address", "show", "dev", "eth1"]);
    await expect.poll(address, POLL).toMatch(/inet 10\.77\.0\.1[012]\d\//);
    const curl = (url: string) =>
      machine.must(["curl", "--silent", "--show-error", "--fail", "--max-time", "30", url]);
    expect(await curl(`http://${BOOT_ADDRESS}:8080/boot.ipxe`)).toContain("#!ipxe");
    await machine.must([
      "curl",
      "--silent",
      "--fail",
      "--output",
      "/root/loader",
      `tftp://${BOOT_ADDRESS}/undionly.kpxe`,
    ]);
  }, 300_000);

  test("the boot service is nobody who matters: its own user, one right, and none of the master's keys", async () => {
    const pid = (
      await host.must(["systemctl", "show", "--property=MainPID", "--value", "boma-netboot"])
    ).trim();
    expect((await host.must(["ps", "-o", "user:20=", "-p", pid])).trim()).toBe("boma-netboot");
    const dnsmasq = await host.must(["ps", "-o", "user:20=", "-C", "dnsmasq"]);
    expect([...new Set(dnsmasq.trim().split(/\s+/))]).toEqual(["boma-netboot"]);
    expect((await host.must(["stat", "-c", "%U %a", "/var/lib/boma-netboot/operator.json"])).trim()).toBe(
      "boma-netboot 600",
    );
    expect(await host.must(["boma-master", "operator", "list"])).toMatch(
      /boot-service +serve netboot +local/,
    );
    const inside = ["nsenter", "--target", pid, "--mount", "--", "ls", "/var/lib/boma-master/master/keys"];
    expect((await host.run(inside)).exitCode).not.toBe(0);
    const said = await host.must(["systemd-analyze", "security", "--no-pager", "boma-netboot.service"]);
    const exposure = Number(/exposure level for boma-netboot\.service: ([\d.]+)/.exec(said)![1]);
    console.log(`boma-netboot.service: exposure ${exposure}`);
    expect(exposure).toBeLessThan(4);
  });

  test("what it put there it replaces, and what somebody edited it leaves, and says which file", async () => {
    const [name, text] = Object.entries(siteFor(host.address)).at(-1)!;
    writeSite({
      [name]: text.replace(
        "file.managed(",
        'file.managed("/etc/second", { contents: "2\\n" }), file.managed(',
      ),
    });
    const changed = await whole();
    expect(changed.steps.filter(({ result }) => result === "changed").map(({ step }) => step)).toEqual([
      "site",
    ]);
    expect(changed).toMatchObject({ ok: true, changes: 2 });
    await host.must(["sh", "-c", "echo '// mine' >> /var/lib/boma-master/site/top.ts"]);
    const edited = await install(...OWN());
    expect(edited).toMatchObject({
      exitCode: 2,
      stderr: expect.stringContaining("top.ts differs in") as string,
    });
    expect(await host.read("/var/lib/boma-master/site/top.ts")).toContain("// mine");
  });

  test("what the machine is already is not made into something else, and a site that does not compile is said with its place", async () => {
    const another = await install("--profile", "another");
    expect(another).toMatchObject({
      exitCode: 2,
      stderr: expect.stringMatching(/first is a node already, with the profile bootstrap-server/) as string,
    });
    const renamed = await install("--id", "second");
    expect(renamed).toMatchObject({
      exitCode: 2,
      stderr: expect.stringContaining("is the node first already") as string,
    });
    writeSite({ "states/first.ts": "export default nothing;\n" });
    const broken = await install(...OWN());
    expect(broken).toMatchObject({
      exitCode: 2,
      stderr: expect.stringMatching(/states\/first\.ts:1/) as string,
    });
    expect(await host.read("/var/lib/boma-master/site/states/first.ts")).toContain("/etc/second");
    expect(await host.must(["sh", "-c", "ls -a /var/lib/boma-master"])).not.toContain(".bootstrap-");
  });

  test("purged, the boot service leaves nothing, and the trust root stays", async () => {
    const env = { DEBIAN_FRONTEND: "noninteractive" };
    await host.must(["apt-get", "--yes", "--quiet", "purge", "boma-master"], { env, timeoutMs: 120_000 });
    expect(await active("boma-netboot")).toBe("inactive");
    for (const path of ["/var/lib/boma-netboot", "/var/cache/boma-netboot", "/etc/default/boma-netboot"])
      expect({ path, there: await host.exists(path) }).toEqual({ path, there: false });
    expect((await host.run(["getent", "passwd", "boma-netboot"])).exitCode).not.toBe(0);
    expect(await host.exists("/etc/systemd/system/multi-user.target.wants/boma-netboot.service")).toBe(false);
    expect(await host.exists("/var/lib/boma-master/master/keys/root.json")).toBe(true);
  });

  test("without a word about site, names or boot LAN it begins with the starter's, and serves nobody who boots", async () => {
    await host.reset();
    await clean();
    const first = await install("--json");
    expect(first, first.stderr).toMatchObject({ exitCode: 0 });
    expect(await host.read("/etc/motd")).toContain("first");
    expect(await active("boma-netboot")).toBe("inactive");
    const again = await install("--json");
    expect(JSON.parse(again.stdout)).toMatchObject({ ok: true, changes: 0 });
  }, 300_000);
});

/** Where it is killed, by the last line before: with everything that it has started. */
const KILLS = [
  "changed +site",
  "changed +trust root",
  // It may have started by itself, as soon as there was a trust root.
  "(changed|ok) +boma-master.service",
  "changed +node first",
] as const;

test("killed again and again, and once with the power cut, the same command completes it", async () => {
  writeSite(siteFor(host.address));
  await host.reset();
  await clean();
  // Found by the installed master, before it has changed anything.
  const unknown = await install(...OWN(), "--profile", "bootstrap-servr");
  expect(unknown).toMatchObject({
    exitCode: 2,
    stderr: expect.stringMatching(
      /no profile "bootstrap-servr"[^]*Did you mean `bootstrap-server`/,
    ) as string,
  });
  expect(await host.exists("/var/lib/boma-master/master")).toBe(false);
  const begin = () => host.service("bootstrap", command(...OWN(), ...BOOT, ...DHCP));
  const said = () => host.must(["journalctl", "--quiet", "--output=cat", "--unit=bootstrap"]);
  for (const line of KILLS) {
    await begin();
    await expect.poll(said, { timeout: 200_000, interval: 100 }).toMatch(new RegExp(line));
    await host.must(["systemctl", "kill", "--signal=KILL", "bootstrap"]);
    await expect.poll(() => active("bootstrap"), POLL).toMatch(/^(failed|inactive)$/);
    await host.run(["systemctl", "reset-failed", "bootstrap"]);
  }
  await host.powerCut();
  await host.boot();
  expect(await whole()).toMatchObject({ ok: true });
  expect(await whole()).toMatchObject({ ok: true, changes: 0 });
}, 900_000);
