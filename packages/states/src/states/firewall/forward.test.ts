/** What passes through a machine: ports of containers, and networks that it is the gateway of. */
import { describe, expect, test } from "vitest";
import { z } from "zod";

import { networkOf } from "./addresses.ts";
import { safeTableOf, tableOf } from "./build.ts";
import { evaluate, type Packet } from "./evaluate.ts";
import { dockerUnitText } from "./files.ts";
import { shape, type Want } from "./parameters.ts";
import type { Table } from "./table.ts";

type Written = Partial<z.input<z.ZodObject<typeof shape>>>;
const wanted = (params: Written): Want =>
  z.strictObject(shape).parse({ name: "node", control: { sshFrom: ["192.0.2.0/24"] }, ...params });

/** From outside to a container, by a port that is published: 443 of the machine is 8080 of the container. */
const published: Packet = {
  version: 4,
  iif: "eth0",
  oif: "docker0",
  from: networkOf("203.0.113.7").span[0],
  to: networkOf("172.17.0.2").span[0],
  state: "new",
  dnat: true,
  proto: "tcp",
  dport: 8080,
  originalPort: 443,
};
const judge =
  (table: Table) =>
  (change: Partial<Packet> = {}): string =>
    evaluate(
      table.find(({ hook }) => hook === "forward")!,
      { ...published, ...change },
    ).verdict;

const https = { owner: "firewall.port(https)", name: "https", proto: "tcp", port: 443 } as const;
const CONTAINERS: Written = {
  zones: { public: { interfaces: ["eth0"] }, lan: { interfaces: ["eth1"] } },
  forward: "published-only",
  needs: [{ ...https, exposure: "public" }],
};

describe("with containers", () => {
  const verdict = judge(tableOf(wanted(CONTAINERS)));

  test("a published port is open where it is declared, and to those for whom it is", () => {
    expect(verdict()).toBe("accept");
    expect(verdict({ originalPort: 8080 })).toBe("drop");
    const forLan = judge(tableOf(wanted({ ...CONTAINERS, needs: [{ ...https, exposure: "lan" }] })));
    expect([forLan(), forLan({ iif: "eth1" })]).toEqual(["drop", "accept"]);
    const forNobody = judge(tableOf(wanted({ ...CONTAINERS, needs: [{ ...https, exposure: "none" }] })));
    expect([forNobody(), forNobody({ iif: "eth1" })]).toEqual(["drop", "drop"]);
  });

  test("no container is reached under its own address, by either version of IP", () => {
    expect(verdict({ dnat: false, originalPort: 8080 })).toBe("drop");
    expect(verdict({ dnat: false, originalPort: 443, dport: 443 })).toBe("drop");
    expect(verdict({ dnat: false, version: 6, dport: 443, originalPort: 443 })).toBe("drop");
  });

  test("what containers do among themselves and outwards is theirs, and connections go on", () => {
    expect(verdict({ iif: "docker0", oif: "br-0123456789ab", dnat: false })).toBe("accept");
    expect(verdict({ iif: "docker0", oif: "eth0", dnat: false })).toBe("accept");
    expect(verdict({ originalPort: 8080, state: "established" })).toBe("accept");
  });

  test("rules of one's own come first", () => {
    const first = (rule: object) =>
      judge(
        tableOf(wanted({ ...CONTAINERS, rules: [{ name: "first", chain: "forward", ...rule }] } as Written)),
      );
    expect(first({ action: "drop", from: ["203.0.113.0/24"] })()).toBe("drop");
    expect(first({ action: "accept", in: ["eth0"] })({ dnat: false })).toBe("accept");
  });

  test("the rules for when all others cannot be loaded let nothing in to them", () => {
    const safe = judge(safeTableOf(wanted(CONTAINERS)));
    expect([safe(), safe({ iif: "eth1" }), safe({ iif: "docker0", oif: "eth0" })]).toEqual([
      "drop",
      "drop",
      "accept",
    ]);
  });
});

const GATEWAY: Written = {
  control: { sshFrom: ["10.0.0.0/24"] },
  forward: "nat",
  nat: { masquerade: [{ iif: "eth1", oif: "eth0", from: ["10.0.0.0/24"] }] },
};

describe("a gateway", () => {
  const verdict = judge(tableOf(wanted(GATEWAY)));
  const outwards = { iif: "eth1", oif: "eth0", from: networkOf("10.0.0.7").span[0], dnat: false };

  test("lets out whom it is meant for, and lets nobody in", () => {
    expect(verdict(outwards)).toBe("accept");
    expect(verdict({ ...outwards, from: 7n })).toBe("drop");
    expect(verdict({ iif: "eth0", oif: "eth1", dnat: false })).toBe("drop");
    expect(verdict({ iif: "eth0", oif: "eth1", dnat: false, state: "established" })).toBe("accept");
    expect(dockerUnitText(wanted(GATEWAY).nat!)).toContain(
      "ExecStart=/usr/sbin/iptables -w -I DOCKER-USER -i eth1 -o eth0 -s 10.0.0.0/24 ",
    );
  });

  test("keeps its own containers as closed as a machine that is none", () => {
    expect(verdict()).toBe("drop");
    expect(verdict({ iif: "eth1" })).toBe("drop");
    expect(verdict({ dnat: false })).toBe("drop");
    const open = judge(tableOf(wanted({ ...GATEWAY, needs: [{ ...https, exposure: "public" }] })));
    expect([open(), open({ originalPort: 8080 })]).toEqual(["accept", "drop"]);
    expect(judge(safeTableOf(wanted(GATEWAY)))()).toBe("drop");
  });

  test("sends on between its own network and a mesh, which are nobody from outside", () => {
    expect(verdict({ iif: "eth1", oif: "wt0", dnat: false })).toBe("accept");
    expect(verdict({ iif: "docker0", oif: "eth0", dnat: false })).toBe("accept");
  });
});
