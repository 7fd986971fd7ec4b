/**
 * Goal: a fleet comes up from the ground, gate by gate, and goes down the other way; what stands
 * on something that does not come up is not begun.
 * Method: two machines with real units; one of them serves what the other's gate asks for.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { afterAll, beforeAll, expect, test } from "vitest";

import { Fleet } from "../support/fleet.ts";
import { type Host, onBridge, startHost } from "../support/host.ts";
import { coldTimes } from "../support/hosts/times.ts";
import { run } from "../support/run.ts";

const site = (
  address: string,
): string => `import { gate, pkg, service, systemd, top, tree } from "@boma/states";
const idle = (name: string, stage: "firewall" | "docker") => {
  const unit = systemd.unit(name + ".service", {
    sections: { Service: { ExecStart: "/bin/sleep infinity" }, Install: { WantedBy: "multi-user.target" } },
  });
  return [unit, service.running(name, { stage, stableFor: "0s", require: unit, drift: "enforce" })];
};
const nginx = pkg.installed("nginx-light");
const below = tree(() => [service.running("nginx", { stage: "network", require: nginx })]);
const above = tree(() => [
  gate.http("http://${address}/", { stage: "network", within: "3s", every: "100ms" }),
  idle("keeper", "firewall"),
  idle("scheduler", "docker"),
]);
export default top({ below: [below], above: [above] });
`;

interface Cold {
  readonly ok: boolean;
  readonly ms: number;
  readonly stages: readonly {
    readonly stage: string;
    readonly state: string;
    readonly ms: number;
    readonly heldBy: readonly string[];
    readonly nodes: Readonly<Record<string, { readonly status: string }>>;
  }[];
}

let below: Host;
let above: Host;
let fleet: Fleet;
beforeAll(async () => {
  [below, above] = await Promise.all([startHost({ name: "below" }), startHost({ name: "above" })]);
  fleet = await Fleet.start(await onBridge());
  await Promise.all([below.enrol(fleet), above.enrol(fleet)]);
  mkdirSync(join(fleet.home, "site"), { recursive: true });
  writeFileSync(join(fleet.home, "site/top.ts"), site(below.address));
  for (const name of ["below", "above"]) {
    const { code, value } = await run(fleet, name, "state.apply");
    if (code !== 0) throw new Error(`the apply failed: ${JSON.stringify(value)}`);
  }
});
afterAll(async () => {
  await fleet?.[Symbol.asyncDispose]();
  await below?.[Symbol.asyncDispose]();
  await above?.[Symbol.asyncDispose]();
});

const cold = async (...words: readonly string[]) => {
  const { code, value } = await fleet.json(...words);
  const { stages, ok, ms } = value as Cold;
  console.log(coldTimes(words.join(" "), ms, stages));
  return { code, ok, stages, states: Object.fromEntries(stages.map(({ stage, state }) => [stage, state])) };
};
const active = async (host: Host, unit: string): Promise<string> =>
  (await host.run(["systemctl", "is-active", unit])).stdout.trim();

test("a cold stop goes from the top down, and agents leave down what they would put right otherwise", async () => {
  const { code, stages } = await cold("coldstop", "*");
  expect(code).toBe(0);
  expect(stages.map(({ stage }) => stage)).toEqual(["docker", "firewall", "network"]);
  expect(await active(above, "scheduler")).toBe("inactive");
  expect(await active(below, "nginx")).toBe("inactive");
  const { value } = await run(fleet, "above", "drift.check");
  expect(value.nodes["above"]!.return).toMatchObject({ drifted: [] });
  expect(await active(above, "keeper")).toBe("inactive");
});

test("a cold start that meets a closed gate says so, and begins nothing that stands on it", async () => {
  await below.must(["systemctl", "mask", "--runtime", "nginx"]);
  const { code, ok, stages, states } = await cold("coldstart", "*");
  expect({ code, ok }).toEqual({ code: 1, ok: false });
  expect(states).toEqual({ network: "failed", firewall: "held", docker: "held" });
  expect(JSON.stringify(stages[0]!.nodes["above"])).toContain("gate/closed");
  expect(await active(above, "keeper")).toBe("inactive");
});

test("a cold start brings everything up in order, and says how long each stage took", async () => {
  await below.must(["systemctl", "unmask", "--runtime", "nginx"]);
  const { code, stages, states } = await cold("coldstart", "*");
  expect(code).toBe(0);
  expect(states).toEqual({ network: "done", firewall: "done", docker: "done" });
  expect(stages.every(({ ms }) => ms > 0)).toBe(true);
  for (const unit of ["keeper", "scheduler"]) expect(await active(above, unit)).toBe("active");
  expect(await active(below, "nginx")).toBe("active");
});

test("up to a stage only that and what it stands on is done", async () => {
  const { states } = await cold("coldstop", "*", "--until", "firewall");
  expect(states).toEqual({ docker: "done", firewall: "done" });
  expect(await active(below, "nginx")).toBe("active");
  expect((await cold("coldstart", "*", "--until", "firewall")).states).toEqual({
    network: "done",
    firewall: "done",
  });
  expect(await active(above, "scheduler")).toBe("inactive");
});

test("a machine that is booted comes up by itself, and nothing of it is held any more", async () => {
  await cold("coldstop", "above");
  await above.reboot();
  for (const unit of ["keeper", "scheduler"])
    await expect.poll(() => active(above, unit), { timeout: 20_000 }).toBe("active");
  const back = fleet.event("node.started", ({ id, data }) => id === "above" && data["start"] === 2);
  await above.serviceAgent("boma-agent", ["run", "--id", "above"]);
  await back;
  const { value } = await run(fleet, "above", "stage.list");
  expect((value.nodes["above"]!.return as { held: boolean }[]).map(({ held }) => held)).toEqual([
    false,
    false,
    false,
  ]);
});
