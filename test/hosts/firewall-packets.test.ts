/**
 * Goal: what our evaluator says of a packet, on which the proof rests that nobody is locked out, is what the kernel does.
 * Method: random rules and random packets from a second machine; a chain of the test behind ours remembers what came through.
 */
import { checkParams, states } from "@boma/states";
import { expect, test } from "vitest";

import { addressOf, addressText, type Version } from "../../packages/states/src/states/firewall/addresses.ts";
import { tableOf } from "../../packages/states/src/states/firewall/build.ts";
import { evaluate } from "../../packages/states/src/states/firewall/evaluate.ts";
import { linesIn } from "../../packages/states/src/states/firewall/listing.ts";
import type { Want } from "../../packages/states/src/states/firewall/parameters.ts";
import { fileText, linesOf } from "../../packages/states/src/states/firewall/table.ts";
import { startHost } from "../support/host.ts";

const ROUNDS = 4;
const PACKETS = 60;
const PORTS = [22, 53, 80, 443, 1000, 1500, 2000, 9100];
const MARKER = 60_000;
const SEED = Number(process.env["BOMA_TEST_SEED"] ?? Date.now() % 100_000);

/** A small generator of our own: the same seed gives the same rules and packets. */
function random(seed: number): (below: number) => number {
  let state = seed * 2_654_435_761 + 1;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

interface Sent {
  readonly version: Version;
  readonly from: string;
  readonly proto: "tcp" | "udp";
  readonly port: number;
}

const sources: Readonly<Record<Version, readonly string[]>> = {
  4: ["10.66.7.1", "10.66.7.2", "10.66.7.130", "10.66.8.1"],
  6: ["fd66::7:1", "fd66::7:2", "fd66::7:8001", "fd66::8:1"],
};
const NETWORKS = ["10.66.7.0/24", "10.66.7.0/25", "10.66.7.2", "10.66.0.0/16", "fd66::7:0/112", "fd66::7:0/113", "fd66::/64", "fd66::8:1"]; // prettier-ignore

/** Sends one packet for each line of its input; answers do not matter. */
const SENDER = `
import dgram from "node:dgram"; import net from "node:net"; import fs from "node:fs";
const targets = { 4: process.argv[2], 6: process.argv[3] };
for (const { version, from, proto, port } of JSON.parse(fs.readFileSync(0, "utf8"))) {
  if (proto === "udp") {
    const socket = dgram.createSocket(version === 4 ? "udp4" : "udp6");
    await new Promise((done) => socket.bind(0, from, done));
    await new Promise((done) => socket.send("x", port, targets[version], done));
    socket.close();
  } else {
    const socket = net.connect({ host: targets[version], port, localAddress: from, family: version });
    socket.on("error", () => {});
    setTimeout(() => socket.destroy(), 300);
  }
}
`;

/** Behind our own chain: what gets here was accepted. */
const PROBE = `table inet probe {
  set seen4 { type ipv4_addr . inet_proto . inet_service; flags dynamic; size 65535; }
  set seen6 { type ipv6_addr . inet_proto . inet_service; flags dynamic; size 65535; }
  chain input {
    type filter hook input priority 100; policy accept;
    meta l4proto { 6, 17 } ct state new add @seen4 { ip saddr . meta l4proto . th dport }
    meta l4proto { 6, 17 } ct state new add @seen6 { ip6 saddr . meta l4proto . th dport }
  }
}
`;

function wanted(pick: (below: number) => number, sshFrom: string): Want {
  const one = <T>(all: readonly T[]): T => all[pick(all.length)]!;
  const some = <T>(all: readonly T[]): T[] => Array.from({ length: 1 + pick(3) }, () => one(all));
  const rules = Array.from({ length: pick(6) }, (_, at) => ({
    name: `r${at}`,
    action: one(["accept", "drop", "reject"]),
    ...(pick(3) > 0 && {
      proto: one(["tcp", "udp"]),
      ports: some([...PORTS.filter((p) => p > 22), "1000-1600"]),
    }),
    ...(pick(3) > 0 && { from: some(NETWORKS) }),
    ...(pick(4) === 0 && { in: [one(["eth0", "eth*", "wt0"])] }),
  }));
  const needs = Array.from({ length: pick(6) }, (_, at) => ({
    owner: "x",
    name: `n${at}`,
    proto: one(["tcp", "udp"]),
    port: one([...PORTS, "1400-2100"]),
    exposure: one(["mesh", "lan", "public"]),
    ...(pick(2) > 0 && { from: some(NETWORKS) }),
  }));
  const zones = {
    mesh: { interfaces: ["wt*"] },
    lan: { interfaces: ["eth*"], from: ["10.66.7.0/24", "fd66::7:0/112"] },
  };
  return checkParams(states["firewall.filter"]!.spec, {
    name: "node",
    control: { sshFrom: [sshFrom] },
    zones,
    rules: [{ name: "marker", action: "accept", proto: "udp", ports: [MARKER] }, ...rules],
    needs,
  }) as Want;
}

const keyOf = ({ from, proto, port }: Omit<Sent, "version">): string => `${from} ${proto} ${port}`;

test(`of random packets the kernel lets through just those that the evaluator accepts (BOMA_TEST_SEED=${SEED})`, async () => {
  await using wall = await startHost({ name: "wall" });
  await using visitor = await startHost({ name: "visitor" });
  const wall6 = "fd66::1";
  await wall.must(["ip", "-6", "addr", "add", `${wall6}/64`, "dev", "eth0", "nodad"]);
  await wall.must(["sh", "-c", "ip route add 10.66.0.0/16 dev eth0"]);
  for (const from of sources[4]) await visitor.must(["ip", "addr", "add", `${from}/32`, "dev", "eth0"]);
  for (const from of sources[6])
    await visitor.must(["ip", "-6", "addr", "add", `${from}/64`, "dev", "eth0", "nodad"]);
  await visitor.write("/root/send.mjs", SENDER);
  const pick = random(SEED);
  const one = <T>(all: readonly T[]): T => all[pick(all.length)]!;
  let accepted = 0;

  for (let round = 0; round < ROUNDS; round++) {
    let want: Want | undefined;
    // Rules that would lock out are refused, as they should be: other ones then.
    while (!want) {
      try {
        want = wanted(pick, one(["10.66.7.0/25", "fd66::8:1", "192.0.2.1"]));
      } catch {
        continue;
      }
    }
    const table = tableOf(want);
    await wall.must(["nft", "-f", "-"], { stdin: fileText(table) });
    // What nft lists of it reads as what was written, whatever the rules are.
    expect(linesIn(await wall.must(["nft", "-n", "-j", "list", "table", "inet", "boma"]))).toEqual(
      linesOf(table),
    );
    await wall.must(["nft", "-f", "-"], { stdin: `add table inet probe\ndelete table inet probe\n${PROBE}` });
    const packets = Array.from({ length: PACKETS }, (): Sent => {
      const version = one([4, 6] as const);
      return { version, from: one(sources[version]), proto: one(["tcp", "udp"] as const), port: one(PORTS) };
    });
    const markers = ([4, 6] as const).map((version): Sent => ({ version, from: sources[version][0]!, proto: "udp", port: MARKER })); // prettier-ignore
    await visitor.must([process.execPath, "/root/send.mjs", wall.address, wall6], {
      stdin: JSON.stringify([...packets, ...markers]),
    });
    const expected = [...packets, ...markers].filter(({ version, from, proto, port }) => {
      const to = addressOf(version === 4 ? wall.address : wall6).value;
      const packet = {
        version,
        from: addressOf(from).value,
        to,
        iif: "eth0",
        proto,
        dport: port,
        state: "new",
      } as const;
      return evaluate(table[0]!, packet).verdict === "accept";
    });
    accepted += expected.length - markers.length;
    const seen = async (): Promise<readonly string[]> => seenIn(await wall.must(["nft", "-n", "-j", "list", "table", "inet", "probe"])); // prettier-ignore
    await expect.poll(seen, { timeout: 10_000 }).toEqual([...new Set(expected.map(keyOf))].toSorted());
  }
  // Neither all nor none: else it would show nothing.
  expect(accepted).toBeGreaterThan(0);
  expect(accepted).toBeLessThan(ROUNDS * PACKETS);
});

function seenIn(listing: string): readonly string[] {
  const { nftables } = JSON.parse(listing) as {
    nftables: { set?: { elem?: { elem?: { val: Concat } }[] } }[];
  };
  return nftables
    .flatMap(({ set }) => set?.elem ?? [])
    .map((element) => {
      const { concat } = (element.elem?.val ?? element) as Concat;
      const [from, proto, port] = concat;
      const { version, value } = addressOf(String(from));
      return keyOf({
        from: addressText(version, value),
        proto: proto === 6 || proto === "tcp" ? "tcp" : "udp",
        port: Number(port),
      });
    })
    .toSorted();
}
interface Concat {
  readonly concat: readonly unknown[];
}
