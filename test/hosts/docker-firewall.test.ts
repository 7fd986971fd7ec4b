/**
 * Goal: a machine with containers lets in what is declared and nothing else, also to them and by either version of IP;
 * neither firewall nor Docker takes away what is the other's; and a machine that has ufw gets rid of it without a gap.
 * Method: a real dockerd with real containers, and two machines beside it: one of the house, one that is a stranger and
 * knows the addresses of the containers.
 */
import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { type Host, startHost } from "../support/host.ts";

const FILTER = "firewall.filter";
const NETWORK_6 = "fd00:d0c::/64";
/** As fail2ban makes its own. */
const BANS = `table inet f2b-table {
  set addr-set-sshd { type ipv4_addr; elements = { 203.0.113.9 } }
  chain f2b-chain {
    type filter hook input priority filter - 1; policy accept;
    tcp dport 22 ip saddr @addr-set-sshd reject with icmp port-unreachable
  }
}
`;
/** To a port of the machine, for each exposure; all of them are port 7 of a container. */
const PORTS = { public: 8080, lan: 8081, none: 8082, undeclared: 8083 } as const;
/** For the house alone, and to something that echoes what it hears for as long as somebody talks. */
const ECHO = 8084;

let wall: Host;
let house: Host;
let stranger: Host;
let containers: readonly [four: string, six: string];

beforeAll(async () => {
  [wall, house, stranger] = await Promise.all([
    startHost({ name: "wall", docker: true, cables: { lan0: "inner" } }),
    startHost({ name: "house" }),
    startHost({ name: "stranger", cables: { lan0: "inner" } }),
  ]);
  await Promise.all([wall, house, stranger].map(cable));
  await wall.converge("docker.daemon", "node", { ipv6: NETWORK_6 });
  await wall.must(["systemctl", "restart", "docker"]);
  const pack =
    "mkdir -p /root/i/bin && cp /bin/busybox /root/i/bin/ && echo hello > /root/i/hello && tar -C /root/i -c . | docker import - busybox";
  await wall.must(["sh", "-ec", pack]);
  const publish = Object.values(PORTS)
    .flatMap((port) => ["--publish", `${port}:7`])
    .concat("--publish", `${ECHO}:8`);
  // The first process of a container heeds no signal by itself, and would hold up every shutdown.
  const script = `trap 'exit 0' TERM
/bin/busybox httpd -f -p 7 -h / &
/bin/busybox nc -ll -p 8 -e /bin/busybox cat & wait`;
  const serve = ["/bin/busybox", "sh", "-c", script];
  await wall.must([
    "docker",
    "run",
    "--detach",
    "--restart=always",
    "--name",
    "echo",
    ...publish,
    "busybox",
    ...serve,
  ]);
  await learnAddresses();
}, 600_000);
afterAll(() => Promise.all([wall, house, stranger].map((host) => host?.[Symbol.asyncDispose]())));

const sixOf = ({ address }: Host): string => `fd66::${address.split(".").at(-1)}`;

/** What a host forgets when it boots. */
async function cable(host: Host): Promise<void> {
  await host.must(["ip", "-6", "addr", "replace", `${sixOf(host)}/64`, "dev", "eth0", "nodad"]);
}

async function learnAddresses(): Promise<void> {
  const format = "{{.NetworkSettings.IPAddress}} {{.NetworkSettings.GlobalIPv6Address}}";
  const said = await wall.must(["docker", "inspect", "--format", format, "echo"]);
  containers = said.trim().split(" ") as [string, string];
  const routes = [`172.17.0.0/16 via ${wall.address}`, `${NETWORK_6} via ${sixOf(wall)}`];
  for (const route of routes) await stranger.must(["ip", "route", "replace", ...route.split(" ")]);
}

const need = (name: string, port: number, exposure: string) => ({
  owner: `firewall.port(${name})`,
  name,
  proto: "tcp",
  port,
  exposure,
});

const params = (more: object = {}) => ({
  control: { sshFrom: [house.address, sixOf(house)] },
  zones: { public: { interfaces: ["eth0"] }, lan: { from: [house.address, sixOf(house)] } },
  forward: "published-only",
  needs: [
    ...(["public", "lan", "none"] as const).map((exposure) => need(exposure, PORTS[exposure], exposure)),
    need("echo", ECHO, "lan"),
  ],
  ...more,
});
const listing = (...table: string[]): Promise<string> => wall.must(["nft", "-s", "list", "table", ...table]);
const dockers = (): Promise<readonly string[]> =>
  Promise.all([listing("ip", "nat"), listing("ip", "filter"), listing("inet", "f2b-table")]);

/** What answers to somebody of what is asked, as `address port`, all at a time. */
async function answering(from: Host, places: readonly string[]): Promise<readonly string[]> {
  const script = `
look() { timeout 4 bash -c "exec 3<>/dev/tcp/$1/$2; echo 'GET /hello HTTP/1.0\n' >&3; grep -q hello <&3" 2> /dev/null && echo "$1 $2"; }
for place; do look \${place% *} \${place#* } & done; wait`;
  const said = await from.must(["bash", "-c", script, "bash", ...places]);
  return said.trim().split("\n").filter(Boolean).toSorted();
}
const doors = (): readonly string[] =>
  Object.values(PORTS).flatMap((port) => [`${wall.address} ${port}`, `${sixOf(wall)} ${port}`]);

const containerDoors = () => containers.map((address) => `${address} 7`);
const sorted = (places: readonly string[]): readonly string[] => places.toSorted();
const onBoth = (...ports: readonly number[]): readonly string[] =>
  sorted(ports.flatMap((port) => [`${wall.address} ${port}`, `${sixOf(wall)} ${port}`]));

/** A container runs before what is in it listens. */
async function untilAnswering(): Promise<void> {
  await expect.poll(() => answering(wall, containerDoors()), { timeout: 60_000 }).toHaveLength(2);
}

/** Each of them gets in where it is declared for him, and nowhere else. */
async function isAsDeclared(): Promise<void> {
  const [ours, theirs] = await Promise.all([
    answering(house, doors()),
    answering(stranger, [...doors(), ...containerDoors()]),
  ]);
  expect(ours).toEqual(onBoth(PORTS.public, PORTS.lan));
  expect(theirs).toEqual(onBoth(PORTS.public));
}

/** A connection that stays: what is said is said over it, and has to come back. */
async function talking(from: Host): Promise<(word: string) => Promise<void>> {
  await from.must(["mkfifo", "/run/talk"]);
  const talk = `exec 3<>/dev/tcp/${wall.address}/${ECHO} 4<>/run/talk; while read word <&4; do echo $word >&3; read back <&3; echo "$back" >> /run/answers; done`;
  await from.service("talk", ["bash", "-c", talk]);
  return async (word) => {
    await from.must(["sh", "-c", `echo ${word} > /run/talk`]);
    await from.must(["sh", "-c", `until grep -q ${word} /run/answers; do sleep 0.05; done`]);
  };
}

describe("a machine with containers", () => {
  let say: (word: string) => Promise<void>;

  test("is wide open before: Docker lets in whoever comes, and a stranger who knows their addresses", async () => {
    expect(await answering(stranger, [...doors(), ...containerDoors()])).toEqual(
      sorted([...doors(), ...containerDoors()]),
    );
  });

  test("lets in what is declared for those for whom it is, by IPv4 and IPv6, and what was there goes on", async () => {
    await wall.must(["nft", "-f", "-"], { stdin: BANS });
    const before = await dockers();
    say = await talking(house);
    await say("one");
    await wall.convergesTwice(FILTER, "node", params());
    await isAsDeclared();
    await say("two");
    expect(await dockers()).toEqual(before);
  });

  test("another port is open when it is declared, and closed when it is not, without a word to Docker", async () => {
    const before = await dockers();
    const late = need("late", PORTS.undeclared, "public");
    await wall.converge(FILTER, "node", params({ needs: [...params().needs, late] }));
    expect(await answering(stranger, doors())).toEqual(onBoth(PORTS.public, PORTS.undeclared));
    await wall.converge(FILTER, "node", params());
    for (const verb of ["reload", "restart", "stop", "start"])
      await wall.must(["systemctl", verb, "boma-firewall"]);
    await isAsDeclared();
    await say("three");
    expect(await dockers()).toEqual(before);
  });

  test("stays so when Docker is started anew, and its containers and their connections go on", async () => {
    const [ours, containerPid] = await Promise.all([listing("inet", "boma"), pidOfContainer()]);
    await wall.must(["systemctl", "restart", "docker"]);
    expect(await listing("inet", "boma")).toBe(ours);
    expect(await pidOfContainer()).toBe(containerPid);
    await say("four");
    await isAsDeclared();
    expect((await wall.converge(FILTER, "node", params())).first).toEqual({});
  });

  test("is so again after a boot, and was it before Docker began", async () => {
    await wall.reboot();
    await cable(wall);
    await wall.must([
      "sh",
      "-c",
      "until docker ps --quiet --filter name=echo | grep -q .; do sleep 0.1; done",
    ]);
    await learnAddresses();
    await untilAnswering();
    const at = async (unit: string, when: string): Promise<number> =>
      Number(await wall.must(["systemctl", "show", "--value", "-p", `${when}TimestampMonotonic`, unit]));
    expect(await at("boma-firewall", "ActiveEnter")).toBeGreaterThan(0);
    expect(await at("boma-firewall", "ActiveEnter")).toBeLessThan(await at("docker", "InactiveExit"));
    await isAsDeclared();
  });
});

const pidOfContainer = (): Promise<string> =>
  wall.must(["docker", "inspect", "--format", "{{.State.Pid}}", "echo"]);

test("a gateway lets its network out although Docker forbids it, also when Docker has begun anew", async () => {
  await wall.must(["ip", "addr", "add", "10.77.0.1/24", "dev", "lan0"]);
  await wall.must(["ip", "link", "set", "lan0", "up"]);
  await stranger.must(["ip", "addr", "add", "10.77.0.2/24", "dev", "lan0"]);
  await stranger.must(["ip", "link", "set", "lan0", "up"]);
  await stranger.must(["ip", "route", "replace", house.address, "via", "10.77.0.1"]);
  await house.must(["systemctl", "start", "ssh"]);
  const gateway = {
    ...params({ forward: "nat" }),
    nat: { masquerade: [{ iif: "lan0", oif: "eth0", from: ["10.77.0.0/24"] }] },
  };
  const greeting = () =>
    stranger.run(["timeout", "4", "bash", "-c", `exec 3<>/dev/tcp/${house.address}/22; head -c 4 <&3`]);
  expect((await greeting()).stdout).toBe("");
  await wall.convergesTwice(FILTER, "node", gateway);
  expect((await greeting()).stdout).toBe("SSH-");
  await wall.must(["systemctl", "restart", "docker"]);
  expect((await greeting()).stdout).toBe("SSH-");
  // What a gateway sends on has nothing to do with what it publishes itself.
  expect(await answering(stranger, [...doors(), ...containerDoors()])).toEqual(onBoth(PORTS.public));
  await stranger.must(["ip", "route", "del", house.address]);
  await wall.converge(FILTER, "node", params());
});

test("ufw is named with what it lets in, and then gives way without a gap", async () => {
  await wall.must(["nft", "delete", "table", "inet", "boma"]);
  await wall.must(["ufw", "allow", "proto", "tcp", "from", house.address, "to", "any", "port", "22"]);
  await wall.must(["ufw", "--force", "enable"]);
  const { error } = await wall.converge(FILTER, "node", params());
  expect(error?.message).toMatch(/ufw is at work here, and says: allow .*22.*ufw: "migrate"/);
  await wall.convergesTwice(FILTER, "node", params({ ufw: "migrate" }));
  expect(await wall.must(["ufw", "status"])).toContain("inactive");
  await isAsDeclared();
  expect((await wall.converge("docker.ready", "node", { within: "1s", every: "100ms" })).first).toEqual({});
});
