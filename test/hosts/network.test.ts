/**
 * Goal: a machine gets the network that is declared; a change that cuts it off goes back by
 * itself, whoever dies in between; a gateway for a local network is one after a reboot too.
 * Method: real systemd-networkd and netplan; the master is reached through a gateway, and one
 * of the gateways that is declared answers to its neighbours but leads nowhere.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { Fleet } from "../support/fleet.ts";
import { type Host, onBridge, startHost } from "../support/host.ts";
import { NETWORK } from "../support/hosts/layer.ts";
import { sharedNetwork } from "../support/hosts/network.ts";
import { INSTALLED } from "../support/hosts/own-network.ts";
import { run } from "../support/run.ts";

const WITHIN_MS = 20_000;
const GOOD = "10.67.0.1";
const OTHER = "10.67.0.2";
/** It is there, and does not pass packets on. */
const DEAF = "10.67.0.99";

const treeOf = (params: object): string =>
  `import { network, top, tree } from "@boma/states";
export default top({ "*": [tree(() => [network.interfaces("node", ${JSON.stringify(params)})])] });
`;
const via = (gateway: string, more: object = {}): object => ({
  interfaces: { eth0: { addresses: ["10.67.0.11/24"], gateway } },
  replaces: [INSTALLED],
  confirmWithin: `${WITHIN_MS / 1000}s`,
  ...more,
});

const routeOf = (host: Host): Promise<string> => host.must(["ip", "route", "show", "default"]);

// Half of them wait for a deadline, and a machine that is busy takes its time for the rest.
describe("the network of a node whose master is behind a gateway", { timeout: 240_000 }, () => {
  let host: Host;
  let deaf: Host;
  let fleet: Fleet;

  const declare = (params: object): void => {
    mkdirSync(join(fleet.home, "site"), { recursive: true });
    writeFileSync(join(fleet.home, "site/top.ts"), treeOf(params));
  };
  const apply = async (params: object) => {
    declare(params);
    const { value } = await run(fleet, "moving", "state.apply");
    if (!value.nodes) throw new Error(`no result: ${JSON.stringify(value)}`);
    return value.nodes["moving"]!;
  };
  /** Sends the apply, and comes back when the deaf gateway is in force and nobody has confirmed it. */
  const cutOff = async (): Promise<void> => {
    declare(via(DEAF));
    await fleet.ok("run", "--async", "moving", "state.apply");
    await expect.poll(() => routeOf(host), { timeout: 30_000 }).toContain(DEAF);
    expect(await host.must(["ls", "/var/lib/boma/agent/undo"])).toContain("armed");
  };
  const isBack = async (): Promise<void> => {
    await expect.poll(() => routeOf(host), { timeout: WITHIN_MS + 30_000 }).toContain(`via ${OTHER} `);
    expect(await routeOf(host)).not.toContain(DEAF);
    expect(await host.read("/etc/systemd/network/10-boma-eth0.network")).toContain(`Gateway=${OTHER}\n`);
    await expect.poll(() => host.must(["ls", "/var/lib/boma/agent/undo"]), { timeout: 30_000 }).toBe("");
  };

  beforeAll(async () => {
    host = await startHost({ name: "moving", networkd: true });
    deaf = await startHost({ name: "deaf" });
    await deaf.must(["ip", "address", "add", `${DEAF}/24`, "dev", "eth0"]);
    const { space } = await sharedNetwork();
    for (const gateway of [GOOD, OTHER])
      await space.must(["ip", "address", "add", `${gateway}/24`, "dev", "bridge"]);
    fleet = await Fleet.start(await onBridge());
    await host.enrol(fleet);
  });
  afterAll(async () => {
    await fleet?.[Symbol.asyncDispose]();
    await deaf?.[Symbol.asyncDispose]();
    await host?.[Symbol.asyncDispose]();
  });

  test("moves to another subnet, is proved over a new connection, and has nothing to do the second time", async () => {
    expect(await apply(via(GOOD))).toMatchObject({ status: "changed" });
    expect(await host.must(["ip", "-br", "address", "show", "dev", "eth0"])).not.toContain("10.66.0.");
    expect(await host.exists(INSTALLED)).toBe(false);
    expect(await apply(via(GOOD))).toMatchObject({ status: "ok" });
  });

  test("takes a good gateway, and has it after a reboot", async () => {
    expect(await apply(via(OTHER))).toMatchObject({ status: "changed" });
    await host.reboot();
    expect(await routeOf(host)).toContain(`via ${OTHER} `);
    await reconnected();
    expect(await apply(via(OTHER))).toMatchObject({ status: "ok" });
  });

  test("a gateway that leads nowhere is taken back within the time that was given, and told", async () => {
    const { status, error, return: report } = await apply(via(DEAF));
    expect(status).toBe("failed");
    expect(JSON.stringify([error, report])).toContain("state/reverted");
    await isBack();
  });

  test("a gateway that nobody answers for is taken back at once", async () => {
    const { status, error, return: report } = await apply(via("10.67.0.98"));
    expect(status).toBe("failed");
    expect(JSON.stringify([error, report])).toContain("network/gateway");
    await isBack();
  });

  test("what a link of another program has stays, and so do its routes", async () => {
    await host.must([
      "sh",
      "-ec",
      "ip link add cni0 type bridge; ip address add 10.88.0.1/16 dev cni0; ip link set cni0 up; ip route add 10.99.0.0/16 via 10.67.0.77 dev eth0",
    ]);
    expect(await apply(via(GOOD))).toMatchObject({ status: "changed" });
    expect(await host.must(["ip", "-br", "address", "show", "dev", "cni0"])).toContain("10.88.0.1/16");
    expect(await host.must(["ip", "route", "show", "10.99.0.0/16"])).toContain("via 10.67.0.77");
    expect(await apply(via(OTHER))).toMatchObject({ status: "changed" });
    await host.must(["ip", "link", "delete", "cni0"]);
  });

  test("a route that somebody changes is found, and put right", async () => {
    await host.must(["ip", "route", "del", "default"]);
    await host.must(["ip", "route", "add", "default", "via", GOOD, "dev", "eth0"]);
    const { value } = await run(fleet, "moving", "state.apply", "--test");
    expect(JSON.stringify(value.nodes["moving"])).toContain("eth0 gateway");
    expect(await apply(via(OTHER))).toMatchObject({ status: "changed" });
    expect(await routeOf(host)).toContain(`via ${OTHER} `);
  });

  test("it goes back also when the agent is killed in between", async () => {
    await cutOff();
    await host.must(["systemctl", "kill", "--kill-whom=all", "--signal=KILL", "boma-agent"]);
    await isBack();
    await reconnected();
  });

  test("it goes back also when the power is cut in between", async () => {
    await cutOff();
    await host.powerCut();
    await host.boot();
    await isBack();
  });

  /** The agent of a test is started by nobody else after a boot. */
  async function reconnected(): Promise<void> {
    await host.must(["systemctl", "reset-failed", "boma-agent"]).catch(() => undefined);
    await host.serviceAgent("boma-agent", ["run", "--id", "moving"]);
    const answer = async () => (await run(fleet, "moving", "test.ping")).value.nodes?.["moving"]?.status;
    await expect.poll(answer, { timeout: 60_000 }).toBe("ok");
  }
});

/** What `network.interfaces` and its kit come to on a machine without a master. */
const applied = async (host: Host, body: string) => {
  await host.write(
    "/root/net.ts",
    `import { natGatewayKit, network, tree } from "@boma/states";\nexport default tree(() => ${body});\n`,
  );
  const report = await host.apply("/root/net.ts", [], { timeoutMs: 100_000 });
  expect(report.results.flatMap(({ error }) => error ?? [])).toEqual([]);
  return report;
};

describe("a gateway of a local network", () => {
  /** Says to whoever asks from which address the question came. */
  const OUTSIDE = `import { createServer } from "node:http";
createServer((request, response) => response.end(request.socket.remoteAddress)).listen(8080, "0.0.0.0");
`;

  test("passes its machines on under its own address, at once and after a reboot, and keeps the rest out", async () => {
    await using gateway = await startHost({ networkd: true, cables: { lan0: "lan" } });
    await using inside = await startHost({ networkd: true, cables: { lan0: "lan" } });
    await using outside = await startHost();
    await outside.write("/root/outside.mjs", OUTSIDE);
    await outside.service("outside", [process.execPath, "/root/outside.mjs"]);
    // The machine inside has no other way out.
    await inside.link("down");
    await applied(
      inside,
      `[network.interfaces("node", { interfaces: {
        eth0: { required: false },
        lan0: { addresses: ["192.168.100.50/24"], gateway: "192.168.100.1", required: false } }, replaces: ["${INSTALLED}"] })]`,
    );
    const kit = `natGatewayKit({
      wan: { name: "eth0", addresses: ["${gateway.address}/24"], gateway: "10.66.0.1" },
      lan: { name: "lan0", addresses: ["192.168.100.1/24"] },
      replaces: ["${INSTALLED}"],
      firewall: { control: { sshFrom: ["192.168.100.0/24"] } },
    })`;
    const first = await applied(gateway, kit);
    expect(first.summary).toMatchObject({ changed: 2 });
    const asked = () =>
      inside
        .run(["curl", "--silent", "--max-time", "5", `http://${outside.address}:8080/`])
        .then(({ stdout }) => stdout);
    await expect.poll(asked, { timeout: 30_000 }).toContain(gateway.address);
    // From outside there is no way in, for whoever knows the route.
    await outside.must(["ip", "route", "add", "192.168.100.0/24", "via", gateway.address]);
    expect((await outside.run(["ping", "-c1", "-W1", "192.168.100.50"])).exitCode).not.toBe(0);
    await gateway.reboot();
    await expect.poll(asked, { timeout: 30_000 }).toContain(gateway.address);
    const again = await applied(gateway, kit);
    expect(again.summary).toMatchObject({ changed: 0 });
  });
});

describe("netplan", () => {
  test("gets its file, in the place of the installer's, and a bridge; what it would refuse is refused before", async () => {
    await using host = await startHost({ networkd: true, layer: NETWORK, cables: { lan0: "lan" } });
    await host.must(["rm", INSTALLED]);
    await host.write(
      "/etc/netplan/50-cloud-init.yaml",
      `network: {version: 2, ethernets: {eth0: {addresses: [${host.address}/24], routes: [{to: 0.0.0.0/0, via: 10.66.0.1}]}}}\n`,
    );
    await host.must(["chmod", "600", "/etc/netplan/50-cloud-init.yaml"]);
    await host.reboot();
    const params = {
      renderer: "netplan",
      interfaces: {
        eth0: { addresses: [`${host.address}/24`], gateway: "10.66.0.1" },
        lan0: {},
        br0: { bridge: { ports: ["lan0"] }, addresses: ["192.168.100.1/24"] },
      },
    };
    const refused = await host.converge("network.interfaces", "node", params);
    expect(refused.error).toMatchObject({ code: "state/blocked" });
    expect(refused.error?.message).toContain("/etc/netplan/50-cloud-init.yaml");
    const whole = { ...params, replaces: ["/etc/netplan/50-cloud-init.yaml"] };
    await host.convergesTwice("network.interfaces", "node", whole);
    expect(await host.must(["stat", "-c", "%a", "/etc/netplan/90-boma.yaml"])).toBe("600\n");
    expect(await host.must(["ip", "-br", "link", "show", "master", "br0"])).toContain("lan0");
    await host.reboot();
    expect(await host.must(["ip", "-br", "address", "show", "dev", "br0"])).toContain("192.168.100.1/24");
    expect(await host.must(["ip", "route", "show", "default"])).toContain("via 10.66.0.1 ");
    // A bridge that is not declared any more is not there any more.
    const { br0: _, ...fewer } = whole.interfaces;
    await host.convergesTwice("network.interfaces", "node", { ...params, interfaces: fewer });
    expect((await host.run(["ip", "link", "show", "br0"])).exitCode).not.toBe(0);
  });
});
