/**
 * Goal: on real machines a port that nobody declared is closed to others and one that is declared is open, what is there
 * already goes on, the tables of others stay as they are, and the rules are there before the network after a boot.
 * Method: two Debian machines on one bridge, the real nft, connections from one to the other over IPv4 and IPv6.
 */
import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { type Host, startHost } from "../support/host.ts";

const FILTER = "firewall.filter";
const FOREIGN = `table ip nat {
  chain PREROUTING {
    type nat hook prerouting priority dstnat; policy accept;
    tcp dport 8080 redirect to :80
  }
}
table inet theirs {
  chain input {
    type filter hook input priority 10; policy accept;
    counter
  }
}
`;
const LISTENER = `
import net from "node:net";
for (const port of [80, 9100]) net.createServer((socket) => socket.on("error", () => {}).pipe(socket)).listen(port, "::");
`;

let wall: Host;
let visitor: Host;
beforeAll(async () => {
  [wall, visitor] = await Promise.all([startHost({ name: "wall" }), startHost({ name: "visitor" })]);
  for (const host of [wall, visitor])
    await host.must(["ip", "-6", "addr", "add", `${sixOf(host)}/64`, "dev", "eth0", "nodad"]);
  await wall.write("/root/listen.mjs", LISTENER);
  await listen();
});
afterAll(() => Promise.all([wall, visitor].map((host) => host?.[Symbol.asyncDispose]())));

async function listen(): Promise<void> {
  await wall.service("listener", [process.execPath, "/root/listen.mjs"]);
  const up =
    "for port in 80 9100; do until exec 3<>/dev/tcp/::1/$port; do sleep 0.05; done 2> /dev/null; done";
  await wall.must(["bash", "-c", up]);
}
const sixOf = ({ address }: Host): string => `fd66::${address.split(".").at(-1)}`;
const params = (more: object = {}) => ({
  control: { sshFrom: [visitor.address, sixOf(visitor)] },
  needs: [{ owner: "firewall.port(web)", name: "web", proto: "tcp", port: 80, exposure: "public" }],
  ...more,
});
const listing = (...table: string[]): Promise<string> => wall.must(["nft", "-s", "list", "table", ...table]);

/** As the visitor sees ports of the wall, one after the other; what does not answer for seconds is silent. */
async function seen(places: readonly (readonly [address: string, port: number])[]): Promise<string> {
  const script = `
look() { timeout 3 bash -c "exec 3<>/dev/tcp/$1/$2" 2> /dev/null; case $? in 0) echo open;; 124) echo silent;; *) echo closed;; esac; }
for place; do look \${place% *} \${place#* } > /run/seen.\${place// /.} & done; wait
for place; do cat /run/seen.\${place// /.}; done`;
  const words = places.map(([address, port]) => `${address} ${port}`);
  return (await visitor.must(["bash", "-c", script, "bash", ...words])).trim().replaceAll("\n", " ");
}

/** The ports 22, 80 and 9100, by IPv4 and by IPv6. */
const doors = (): Promise<string> =>
  seen(
    [wall.address, sixOf(wall)].flatMap((address) => [22, 80, 9100].map((port) => [address, port] as const)),
  );

const ALL_OPEN = "open open open open open open";
const AS_DECLARED = "open open silent open open silent";

describe("a machine behind it", () => {
  test("lets in what is declared and nothing else, and what was there goes on", async () => {
    expect(await doors()).toBe(ALL_OPEN);
    await wall.must(["nft", "-f", "-"], { stdin: FOREIGN });
    const theirs = await Promise.all([listing("ip", "nat"), listing("inet", "theirs")]);
    await visitor.must(["mkfifo", "/run/talk"]);
    const talk = `exec 3<>/dev/tcp/${wall.address}/9100 4<>/run/talk; while read word <&4; do echo $word >&3; read back <&3; echo "$back" >> /run/answers; done`;
    await visitor.service("talk", ["bash", "-c", talk]);
    const say = async (word: string): Promise<void> => {
      await visitor.must(["sh", "-c", `echo ${word} > /run/talk`]);
      await visitor.must(["sh", "-c", `until grep -q ${word} /run/answers; do sleep 0.05; done`]);
    };
    await say("one");

    const first = await wall.convergesTwice(FILTER, "node", params());
    expect(Object.keys(first).toSorted()).toEqual(["flusher", "kept", "safe", "table", "unit"]);

    expect(await doors()).toBe(AS_DECLARED);
    await say("two");
    expect(await Promise.all([listing("ip", "nat"), listing("inet", "theirs")])).toEqual(theirs);
    expect(await seen([[wall.address, 8080]])).toBe("open");
  });

  test("keeps its rules, and those of others, when its unit is started, reloaded and stopped", async () => {
    const before = [await listing("inet", "boma"), await listing("ip", "nat")];
    for (const verb of ["start", "reload", "restart", "stop"]) {
      await wall.must(["systemctl", verb, "boma-firewall"]);
      expect([await listing("inet", "boma"), await listing("ip", "nat")], verb).toEqual(before);
    }
    expect(await wall.must(["stat", "-c", "%a %U", "/etc/boma/firewall/boma.nft"])).toBe("600 root\n");
  });

  test("has its rules before the network when it has booted, and nothing to change", async () => {
    await wall.reboot();
    await listen();
    const at = async (unit: string): Promise<number> =>
      Number(await wall.must(["systemctl", "show", "--value", "-p", "ActiveEnterTimestampMonotonic", unit]));
    const loaded = await at("boma-firewall.service");
    expect(loaded).toBeGreaterThan(0);
    expect(loaded).toBeLessThanOrEqual(await at("network-pre.target"));
    expect(await doors()).toBe(AS_DECLARED);
    expect((await wall.converge(FILTER, "node", params())).first).toEqual({});
  });

  test("that cannot load its rules at boot is neither open nor locked, and the next apply puts it right", async () => {
    await wall.must(["sh", "-c", "echo nonsense >> /etc/boma/firewall/boma.nft"]);
    await wall.reboot();
    await listen();
    expect(await doors()).toBe("open silent silent open silent silent");
    expect(await wall.must(["systemctl", "show", "--value", "-p", "ActiveState", "boma-firewall"])).toBe(
      "failed\n",
    );
    expect(Object.keys(await wall.convergesTwice(FILTER, "node", params()))).toEqual(["table", "kept"]);
    expect(await doors()).toBe(AS_DECLARED);
  });

  test("a rule that somebody put in by hand is found and goes", async () => {
    await wall.must(["nft", "insert rule inet boma input tcp dport 9100 accept"]);
    expect(await seen([[wall.address, 9100]])).toBe("open");
    const { first } = await wall.converge(FILTER, "node", params());
    expect(Object.keys(first!)).toEqual(["table"]);
    expect(await doors()).toBe(AS_DECLARED);
  });
});

describe("nftables.service, which empties all tables when it stops", () => {
  test("with a configuration of somebody's own is left alone, and nothing is changed", async () => {
    await wall.must(["systemctl", "unmask", "nftables"]);
    await wall.must(["sh", "-c", "echo '# mine' >> /etc/nftables.conf; systemctl enable nftables"]);
    const { error } = await wall.converge(FILTER, "node", params());
    expect(error).toMatchObject({ code: "state/blocked" });
    expect(error?.message).toContain("of your own");
    await wall.must(["sed", "-i", "/# mine/d", "/etc/nftables.conf"]);
  });

  test("as Debian ships it can no more be started or stopped to any effect", async () => {
    // It starts with an empty ruleset, and so with no table of ours.
    await wall.must(["systemctl", "start", "nftables"]);
    expect((await wall.run(["nft", "list", "table", "inet", "boma"])).exitCode).not.toBe(0);
    await wall.must(["nft", "-f", "-"], { stdin: FOREIGN });
    await wall.convergesTwice(FILTER, "node", params());
    await wall.run(["systemctl", "stop", "nftables"]);
    expect((await wall.run(["systemctl", "start", "nftables"])).exitCode).not.toBe(0);
    expect(await doors()).toBe(AS_DECLARED);
    expect(await listing("ip", "nat")).toContain("redirect to :80");
  });
});
