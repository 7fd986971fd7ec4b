import { createHash } from "node:crypto";
/**
 * Goal: machines of somebody else's become nodes by the files below `examples/provisioners`: cloud-init with a seed of its
 * own, cloud-init that asks the boot service, an image that was baked in a chroot.
 * Method: Debian's real cloud-init on real systemd machines, the agent's package, a real master and boot service.
 */
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { mkdir, mkdtemp } from "node:fs/promises";
import { basename, join } from "node:path";

import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { HERE } from "../../installers/build.ts";
import type { NodeView } from "../../packages/master/src/api/verbs/nodes.ts";
import { agentPackage, PACKAGES } from "../support/debs.ts";
import { Fleet } from "../support/fleet.ts";
import { type Host, onBridge, REPOSITORY, startHost } from "../support/host.ts";
import { BakedImage } from "../support/hosts/baked.ts";
import { CLOUD_INIT } from "../support/hosts/layer.ts";
import { BRIDGE_ADDRESS } from "../support/hosts/network.ts";
import { mustRun } from "../support/hosts/program.ts";

const EXAMPLES = join(REPOSITORY, "examples/provisioners");
const POLL = { timeout: 180_000, interval: 500 };
const SITE: Readonly<Record<string, string>> = {
  "top.ts": 'import { top } from "@boma/states";\nexport default top({ "env:dev": ["handed"] });\n',
  "states/handed.yaml": '- file.managed: /etc/converged\n  contents: "${node.id}\\n"\n',
  "reactors/first-boot.ts": `import { on } from "@boma/states";
export default on("node.enrolled", { target: "env:dev" }, async (event, boma) => {
  await boma.run(event.node, "state.apply");
});
`,
};

/** It leaves what the host has of its own: network, sources, locale. */
const CONFIG = `network: {config: disabled}
locale: C.UTF-8
apt: {preserve_sources_list: true}
datasource_list: [NoCloud]
`;

/** Debian's own, which is off until the host boots again: it would ask the cloud that this machine may be in. */
async function cloudHost(name: string): Promise<Host> {
  const off = join(dir, `off-${name}`);
  await mkdir(join(off, "etc/cloud/cloud.cfg.d"), { recursive: true });
  writeFileSync(join(off, "etc/cloud/cloud-init.disabled"), "");
  writeFileSync(join(off, "etc/cloud/cloud.cfg.d/99-test.cfg"), CONFIG);
  const host = await startHost({ name, layer: CLOUD_INIT, image: [off] });
  await host.must(["rm", "/etc/cloud/cloud-init.disabled"]);
  return host;
}

const made = new AsyncDisposableStack();
let seeded: Host;
let asking: Host;
let dir = "";
let deb = "";
let fleet: Fleet;
let url = "";

beforeAll(async () => {
  await mkdir(PACKAGES, { recursive: true });
  dir = await mkdtemp(join(PACKAGES, "provisioners-"));
  made.defer(() => rmSync(dir, { recursive: true, force: true }));
  deb = await agentPackage(dir, { arch: HERE, version: "1.0.0" });
  // They hold the bridge, on which the master stands.
  seeded = made.use(await cloudHost("seeded"));
  asking = made.use(await cloudHost("debian"));
  fleet = made.use(await Fleet.prepare(await onBridge()));
  for (const [name, text] of Object.entries(SITE)) {
    await mkdir(join(fleet.home, "site", name, ".."), { recursive: true });
    writeFileSync(join(fleet.home, "site", name), text);
  }
  await fleet.serve();
  await fleet.ok("reactor", "allow", "first-boot", "--run", "state.apply@env:dev");
  const operator = join(fleet.dir, "boot.json");
  await fleet.ok("operator", "add", "boot", "--netboot", "--out", operator);
  const words = ["--address", BRIDGE_ADDRESS, "--http-port", "0", "--no-tftp", "--packages", dir];
  const service = made.use(fleet.spawn("netboot", "serve", ...words, "--operator", operator, "--json"));
  const { httpPort } = JSON.parse(await service.line(/"ready":true/)) as { httpPort: number };
  url = `http://${BRIDGE_ADDRESS}:${httpPort}`;
}, 600_000);
afterAll(() => made.disposeAsync());

const nodes = async () => (await fleet.json<NodeView[]>("nodes")).value;
const digestOf = (path: string): string => createHash("sha256").update(readFileSync(path)).digest("hex");
const converged = async (host: Host): Promise<void> => {
  await expect.poll(() => host.read("/etc/converged").catch(() => ""), POLL).toBe(`${host.name}\n`);
};
const keyOf = async (host: Host): Promise<string> =>
  (JSON.parse(await host.must(["boma-agent", "enroll", "--json"])) as { node: string }).node;
const connected = async (host: Host): Promise<void> => {
  const status = async () => (await host.run(["boma-agent", "status"])).stdout;
  await expect.poll(status, POLL).toMatch(/state +connected/);
};

describe("cloud-init", () => {
  /** cloud-init has ended, and has nothing to complain of. */
  const done = async (host: Host): Promise<void> => {
    const { stdout } = await host.run(["cloud-init", "status", "--wait", "--long"], { timeoutMs: 180_000 });
    if (!stdout.includes("status: done"))
      throw new Error(`${stdout}${await host.read("/var/log/cloud-init-output.log")}`);
  };
  const filesWith = async (host: Host, secret: string): Promise<readonly string[]> => {
    await host.write("/root/secret", secret);
    const where = ["/etc", "/var", "/run", "/root", "/tmp", "/home", "/usr/local"];
    const { stdout } = await host.run(
      ["grep", "--recursive", "--text", "--files-with-matches", "--file=/root/secret", ...where],
      { timeoutMs: 120_000 },
    );
    return stdout.split("\n").filter((path) => path !== "" && path !== "/root/secret");
  };

  /** Where a token may be, of what cloud-init keeps: nobody but root reads it. */
  const expectRootOnly = async (host: Host, secret: string): Promise<readonly string[]> => {
    const found = await filesWith(host, secret);
    for (const path of found)
      expect(`${path} ${await host.must(["stat", "--format=%u %a", path])}`).toMatch(/ 0 [467]00\n$/);
    return found;
  };

  async function makeUserData(sum: string, token: string): Promise<string> {
    const sums = join(dir, "SHA256SUMS");
    writeFileSync(sums, `${sum}  boma-agent_${HERE}.deb\n`);
    const script = ["sh", join(EXAMPLES, "cloud-init/make-user-data.sh"), `${url}/package`, sums];
    return mustRun(script, { stdin: token });
  }

  test("a machine whose seed was made from the template refuses a package with another digest, becomes a node by the right one, and its next boot joins nobody again", async () => {
    const host = seeded;
    const seed = async (instance: string, userData: string) => {
      await host.write("/var/lib/cloud/seed/nocloud/meta-data", `instance-id: ${instance}\n`);
      await host.write("/var/lib/cloud/seed/nocloud/user-data", userData);
      await host.reboot();
    };
    const { joinToken } = await fleet.token("--env", "dev");
    await seed("one", await makeUserData("0".repeat(64), joinToken));
    await expect(done(host)).rejects.toThrow(/boma-agent_\w+\.deb: FAILED/);
    expect((await host.run(["dpkg", "--status", "boma-agent"])).exitCode).toBe(1);

    await seed("two", await makeUserData(digestOf(deb), `long form: ${joinToken}\n`));
    await done(host);
    await converged(host);
    const key = await keyOf(host);
    await host.must(["rm", "-r", "/var/lib/cloud/seed"]);
    expect(await host.must(["stat", "--format=%u %a", "/etc/boma/token"])).toBe("0 600\n");
    expect(await expectRootOnly(host, joinToken)).toContain("/etc/boma/token");
    expect(await host.exists("/run/boma-agent")).toBe(false);

    await host.reboot();
    await connected(host);
    expect(await keyOf(host)).toBe(key);
    expect((await nodes()).filter(({ id }) => id === "seeded")).toHaveLength(1);
  });

  test("a machine that asks the boot service is called and assigned as its window says, and at its next boot cloud-init is told no token", async () => {
    const host = asking;
    const mac = (await host.read("/sys/class/net/eth0/address")).trim();
    const at = `${url}/nocloud/${mac}/`;
    const refused = await host.run(["curl", "--silent", "--fail", `${at}user-data`]);
    expect(refused.exitCode).toBe(22);
    await fleet.ok("netboot", "open", "--mac", mac, "--id", "asked", "--env", "dev", "--boots", "1");
    // What stands on the kernel's command line: a host of the tests has that of the machine that it runs on.
    for (const unit of ["cloud-init-local", "cloud-init"])
      await host.write(
        `/etc/systemd/system/${unit}.service.d/words.conf`,
        `[Service]\nEnvironment="DEBUG_PROC_CMDLINE=quiet ds=nocloud-net;s=${at}"\n`,
      );
    await host.reboot();
    await done(host);
    await fleet.event("netboot.stage", ({ data }) => data["mac"] === mac && data["stage"] === "converged");
    expect((await host.must(["hostname"])).trim()).toBe("asked");
    const node = (await nodes()).find(({ id }) => id === "asked");
    expect(node).toMatchObject({ assurance: "boot-token", assigned: { env: "dev" } });
    const token = (await host.read("/etc/boma/token")).trim();
    const kept = await expectRootOnly(host, token);
    expect(kept.filter((path) => path.startsWith("/var/lib/cloud/"))).not.toEqual([]);

    await host.reboot();
    await done(host);
    await connected(host);
    expect((await host.must(["hostname"])).trim()).toBe("asked");
    expect((await nodes()).find(({ id }) => id === "asked")).toMatchObject({ key: node!.key });
    // Its own memory of the instance is the one copy that it does not write anew.
    const left = (await expectRootOnly(host, token)).map((path) => basename(path));
    expect(left.toSorted()).toEqual(["obj.pkl", "token"]);
  });
});

describe("an image that was baked in a chroot as live-build does it", () => {
  const HOOK = "/root/0500-boma-agent.hook.chroot";
  const IN_IMAGE = "/var/tmp/boma";
  const bake = async (image: BakedImage, join_: string) => {
    await image.copy({
      [HOOK]: join(EXAMPLES, "live-build/config/hooks/live/0500-boma-agent.hook.chroot"),
      [`${IN_IMAGE}/bake-agent.sh`]: join(EXAMPLES, "bake-agent.sh"),
      [`${IN_IMAGE}/join`]: join_,
      [`${IN_IMAGE}/${basename(deb)}`]: deb,
    });
    return image.chroot(["sh", HOOK]);
  };

  test("has the agent, enabled, and neither a key nor a token nor a number of its own; two machines of it with a token each are two nodes", async () => {
    await using image = await BakedImage.make();
    const { exitCode, stdout, stderr } = await bake(image, join(fleet.home, "join"));
    expect({ exitCode, stderr }, stdout).toMatchObject({ exitCode: 0 });
    const left = await mustRun(["sh", "-ec", LEFT, "sh", image.layer]);
    expect(left).toBe("/etc/boma/join 600\nmachine-id 0\n");

    const words = new Map<string, string>();
    for (const name of ["baked-1", "baked-2"]) {
      const { token } = await fleet.token("--env", "dev");
      words.set(name, await bootWords(name, token));
    }
    const hosts = await Promise.all(
      [...words].map(([name, own]) => startHost({ name, image: [own, image.layer] })),
    );
    try {
      await Promise.all(hosts.map(converged));
      const keys = await Promise.all(hosts.map(keyOf));
      expect(new Set(keys).size).toBe(2);
      const numbers = await Promise.all(hosts.map((host) => host.read("/etc/machine-id")));
      expect(new Set(numbers).size).toBe(2);
      expect(numbers.every((number) => /^[0-9a-f]{32}\n$/.test(number))).toBe(true);
    } finally {
      await Promise.all(hosts.map((host) => host[Symbol.asyncDispose]()));
    }
  });

  test("is not baked with a token in it, nor where a node is already, and nothing is installed then", async () => {
    await using image = await BakedImage.make();
    const { joinToken } = await fleet.token();
    writeFileSync(join(dir, "join-token"), joinToken);
    const withToken = await bake(image, join(dir, "join-token"));
    expect(withToken).toMatchObject({ exitCode: 1 });
    expect(withToken.stderr).toContain("every machine of the image would bring the same one");
    await image.copy({ "/var/lib/boma/agent/identity.json": join(dir, "join-token") });
    const onNode = await bake(image, join(fleet.home, "join"));
    expect(onNode).toMatchObject({ exitCode: 1 });
    expect(onNode.stderr).toContain("this is a node already");
    expect((await image.chroot(["dpkg", "--status", "boma-agent"])).exitCode).toBe(1);
  });

  /** What could tell machines apart, or lets one in, of what the image has over Debian. */
  const LEFT = `cd "$1"
find . -path './etc/boma/*' -type f -printf '/%P %m\\n'
find . \\( -path './var/lib/boma/*' -o -path './var/cache/boma' -o -path './var/tmp/boma' -o -name policy-rc.d \\) -not -type c
grep --recursive --text --files-with-matches --extended-regexp 'bt_[0-9A-HJKMNP-TV-Z]{10}_|SU[A-Z2-7]{56}' etc var root || true
printf 'machine-id %s\\n' "$(stat --format=%s etc/machine-id)"`;

  /** The words of a machine's own boot, which a host of the tests cannot have on its kernel's command line. */
  async function bootWords(name: string, token: string): Promise<string> {
    const layer = join(dir, name);
    await mkdir(join(layer, "etc/default"), { recursive: true });
    writeFileSync(join(layer, "etc/default/boma-agent"), 'BOMA_AGENT_OPTIONS="--boot /etc/boot-words"\n');
    writeFileSync(join(layer, "etc/boot-words"), `quiet boma.token=${token}\n`, { mode: 0o600 });
    return layer;
  }
});
