/**
 * Goal: rules that cut a node off from its master are taken back by themselves, within their time and no later than the
 * next boot, also when the agent is killed or the power is cut in between; what was confirmed stays.
 * Method: a real master on the bridge, which sends rules by which its node could not reach it any more.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { afterAll, beforeAll, expect, test } from "vitest";

import { Fleet } from "../support/fleet.ts";
import { type Host, onBridge, startHost } from "../support/host.ts";
import { run } from "../support/run.ts";

const RULES = "/etc/boma/firewall/boma.nft";

let wall: Host;
let fleet: Fleet;
beforeAll(async () => {
  wall = await startHost({ name: "wall" });
  fleet = await Fleet.start(await onBridge());
  await wall.enrol(fleet, { env: "dev" });
});
afterAll(async () => {
  await fleet?.[Symbol.asyncDispose]();
  await wall?.[Symbol.asyncDispose]();
});

const busAt = (): { address: string; port: number } => {
  const [, address, port] = /^\w+:\/\/([\d.]+):(\d+)$/.exec(fleet.servers[0]!)!;
  return { address: address!, port: Number(port) };
};

/** With another address the rules are as they should be, for a master that is somewhere else. */
function declare(address: string, confirmWithin: string): void {
  const site = join(fleet.home, "site");
  mkdirSync(site, { recursive: true });
  const control = { bus: { addresses: [address], port: busAt().port }, sshFrom: ["10.66.0.0/24"] };
  const top = `import { firewall, top, tree } from "@boma/states";
const base = tree(() => [
  firewall.filter("node", ${JSON.stringify({ control, output: { policy: "drop" }, confirmWithin })}),
  firewall.port("web", { tcp: [80], exposure: "public" }),
]);
export default top({ "env:dev": [base] });
`;
  writeFileSync(join(site, "top.ts"), top);
}

const GONE = "10.66.0.250";
const table = (): Promise<string> => wall.must(["nft", "-s", "list", "table", "inet", "boma"]);
const apply = () => run(fleet, "env:dev", "state.apply", "--timeout", "110s");
const untilCutOff = (): Promise<string> =>
  wall.must(["sh", "-c", `until nft list table inet boma | grep -q ${GONE}; do sleep 0.05; done`]);
const nothingArmed = async (): Promise<void> =>
  expect((await wall.must(["ls", "/var/lib/boma/agent/undo"])).trim()).toBe("");

let good: string;
let goodFile: string;

test("rules by which the master is reached are confirmed and stay, and a second time there is nothing to do", async () => {
  declare(busAt().address, "60s");
  const first = await apply();
  expect(first.value.nodes).toMatchObject({ wall: { status: "changed" } });
  [good, goodFile] = [await table(), await wall.read(RULES)];
  expect(good).toContain("policy drop");
  expect(good).toContain("firewall.port(web): web");
  await nothingArmed();
  const second = await apply();
  expect(second.value.nodes).toMatchObject({ wall: { status: "ok" } });
});

test("rules by which it is not are taken back within their time, and the node says so over the connection that it had", async () => {
  declare(GONE, "5s");
  const { value } = await apply();
  expect(value.nodes).toMatchObject({ wall: { status: "failed" } });
  expect(JSON.stringify(value.nodes)).toContain("state/reverted");
  expect(await table()).toBe(good);
  expect(await wall.read(RULES)).toBe(goodFile);
  await nothingArmed();
});

test("they are taken back also when the agent is killed in between", async () => {
  declare(GONE, "8s");
  const applying = apply();
  await untilCutOff();
  await wall.must(["systemctl", "kill", "--kill-whom=all", "--signal=KILL", "boma-agent"]);
  await expect.poll(table, { timeout: 60_000 }).toBe(good);
  await expect.poll(() => wall.read(RULES)).toBe(goodFile);
  await expect.poll(() => wall.must(["ls", "/var/lib/boma/agent/undo"]), { timeout: 10_000 }).toBe("");
  await wall.serviceAgent("boma-agent", ["run", "--token-file", "/etc/boma/token", "--id", "wall"]);
  await applying;
  declare(busAt().address, "60s");
  expect((await apply()).value.nodes).toMatchObject({ wall: { status: "ok" } });
});

test("they are taken back also when the power is cut in between, before there is a network again", async () => {
  declare(GONE, "10m");
  const applying = run(fleet, "env:dev", "state.apply", "--timeout", "20s");
  await untilCutOff();
  await wall.must(["sh", "-c", `until grep -q ${GONE} ${RULES}; do sleep 0.05; done; sync`]);
  await wall.powerCut();
  await wall.boot();
  expect(await table()).toBe(good);
  expect(await wall.read(RULES)).toBe(goodFile);
  const at = async (unit: string): Promise<number> =>
    Number(await wall.must(["systemctl", "show", "--value", "-p", "ActiveEnterTimestampMonotonic", unit]));
  expect(await at("boma-firewall.service")).toBeLessThanOrEqual(await at("network-pre.target"));
  await nothingArmed();
  await applying;
});
