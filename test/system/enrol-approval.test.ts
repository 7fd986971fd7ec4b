// Goal: without a token a machine waits for an operator, who compares its fingerprint; known ids and known
// hardware with new keys are never let in by a rule; what a machine claims never becomes what it is assigned.
// Method: a real master; real agents that have the image's kit, with hardware planted below their roots.
import { afterAll, beforeAll, describe, expect, test } from "vitest";

import type { WaitingView } from "../../packages/master/src/api/verbs/enroll.ts";
import type { NodeView } from "../../packages/master/src/api/verbs/nodes.ts";
import { Fleet } from "../support/fleet.ts";
import { asNode, identityOf } from "../support/hostile.ts";

let fleet: Fleet;
beforeAll(async () => {
  fleet = await Fleet.start();
});
afterAll(() => fleet?.[Symbol.asyncDispose]());

const CONNECTED = /"msg":"connected"/;
const PENDING = /waiting for approval: boma-master enroll approve/;
const CHANGED = /known with another key/;

const waiting = async () => (await fleet.json<{ waiting: WaitingView[] }>("enroll", "list")).value.waiting;
const asks = async (id: string) => (await waiting()).filter((entry) => entry.id === id);
const node = async (id: string) =>
  (await fleet.json<NodeView[]>("nodes")).value.find((entry) => entry.id === id);
const printOf = (lines: readonly string[]) => /fingerprint {2}(\S+)/.exec(lines.join("\n"))![1]!;
const knock = (id: string, options: Parameters<Fleet["agent"]>[1] = {}) =>
  fleet.agent(id, { noToken: true, waitFor: PENDING, ...options });
const eth0 = (mac: string) => ({
  "sys/class/net/eth0/address": `${mac}\n`,
  "sys/class/net/eth0/type": "1\n",
});
const dmi = (field: "product_uuid" | "product_serial", value: string) => ({
  [`sys/class/dmi/id/${field}`]: `${value}\n`,
});

describe("without a token", () => {
  test("a machine shows its fingerprint, which is the one listed; approved, it connects without asking again", async () => {
    const agent = await knock("plain-01", { args: ["--grain", "env=prod", "--grain", "rack=A1"] });
    const [entry] = await asks("plain-01");
    expect(entry).toMatchObject({ status: "pending", fingerprint: printOf(agent.lines) });
    expect(entry!.claims.wants).toEqual({ env: "prod" });
    await fleet.event("node.asked", ({ id }) => id === "plain-01");
    await fleet.ok("enroll", "approve", "plain-01");
    await agent.line(CONNECTED);
    // What it claims of itself stays a claim.
    expect(await node("plain-01")).toMatchObject({ assigned: {}, assurance: "operator" });
    await fleet.event("grains.changed", ({ id }) => id === "plain-01");
    const matched = async (target: string) => (await fleet.run("target", target)).code;
    expect(await matched("env:prod")).toBe(4);
    expect(await matched("claimed.env:prod")).toBe(0);
    expect(await matched("rack:A1")).toBe(0);
    expect(await asks("plain-01")).toEqual([]);
  });

  test("the right fingerprint is noted as assurance, a wrong one approves nobody", async () => {
    const agent = await knock("print-01");
    const print = printOf(agent.lines);
    const wrong = `${print.slice(0, -1)}${print.endsWith("0") ? "1" : "0"}`;
    const refused = await fleet.run("enroll", "approve", "print-01", "--fingerprint", wrong);
    expect(refused).toMatchObject({ code: 2, stderr: expect.stringContaining("enrol/fingerprint") });
    expect(await node("print-01")).toBeUndefined();
    await fleet.ok("enroll", "approve", "print-01", "--fingerprint", print.toLowerCase().replaceAll("-", ""));
    await agent.line(CONNECTED);
    expect(await node("print-01")).toMatchObject({ assurance: "fingerprint" });
  });

  test("a denied machine stays out, is shown why, and may be approved later", async () => {
    const agent = await knock("denied-01");
    await fleet.ok("enroll", "deny", "denied-01");
    await agent.line(/denied by the master/);
    expect(await asks("denied-01")).toMatchObject([{ status: "denied" }]);
    await fleet.event("node.denied", ({ id }) => id === "denied-01");
    expect(await node("denied-01")).toBeUndefined();
    await agent.stop();
    // It knocks again, and others come meanwhile: it is denied at once.
    const again = await knock("denied-01", { waitFor: /denied by the master/ });
    await fleet.ok("enroll", "approve", "denied-01");
    await again.stop();
    await knock("denied-01", { waitFor: CONNECTED });
  });

  test("of two machines that ask for one id the operator must say which, and the other then is a changed key", async () => {
    const first = await knock("twin-01", { home: `${fleet.dir}/twin-a` });
    const second = await knock("twin-01", { home: `${fleet.dir}/twin-b` });
    try {
      const prints = [first, second].map(({ lines }) => printOf(lines));
      const refused = await fleet.run("enroll", "approve", "twin-01");
      expect(refused.code).toBe(2);
      for (const print of prints) expect(refused.stderr).toContain(print);
      await fleet.ok("enroll", "approve", "twin-01", "--fingerprint", prints[0]!);
      await first.line(CONNECTED);
      // The second one asked while the id was free; its approval would end the first one's identity.
      const stale = await fleet.run("enroll", "approve", "twin-01");
      expect(stale.stderr).toContain("changed key");
      expect(await node("twin-01")).toMatchObject({ fingerprint: prints[0], connected: true });
    } finally {
      await Promise.all([first.stop(), second.stop()]);
    }
  });

  test("--as gives another id, but never takes a node's without a fingerprint", async () => {
    const agent = await knock("named-01");
    const taken = await fleet.run("enroll", "approve", "named-01", "--as", "plain-01");
    expect(taken).toMatchObject({ code: 2, stderr: expect.stringContaining("changed key") });
    expect(await node("plain-01")).toMatchObject({ connected: true });
    await fleet.ok("enroll", "approve", "named-01", "--as", "other-01", "--assign", "role=web");
    await agent.line(CONNECTED);
    expect(await node("other-01")).toMatchObject({ assigned: { role: "web" } });
    expect(await node("named-01")).toBeUndefined();
  });

  test("--wanted assigns what the machine asks for, and --assign says otherwise", async () => {
    const agent = await knock("wants-01", { args: ["--grain", "env=dev", "--grain", "role=db"] });
    await fleet.ok("enroll", "approve", "wants-01", "--wanted", "--assign", "role=web");
    await agent.line(CONNECTED);
    expect(await node("wants-01")).toMatchObject({ assigned: { env: "dev", role: "web" } });
  });

  test("a machine that starts again with another id is listed under that one", async () => {
    const home = `${fleet.dir}/renamed`;
    const before = await knock("rename-01", { home });
    await before.stop();
    const after = await knock("rename-02", { home, waitFor: /fingerprint/ });
    await expect.poll(async () => (await asks("rename-02")).length, { timeout: 20_000 }).toBe(1);
    expect(await asks("rename-01")).toEqual([]);
    await fleet.ok("enroll", "approve", "rename-02");
    await after.line(CONNECTED);
  });
});

test.for([
  ["mac", "52:54:00:0A:00:01", eth0("52:54:00:0a:00:01")],
  [
    "uuid",
    "4C4C4544-0042-3510-8052-B4C04F564231",
    dmi("product_uuid", "4c4c4544-0042-3510-8052-b4c04f564231"),
  ],
  ["serial", "SN-77/a", dmi("product_serial", "SN-77/a")],
] as const)(
  "the allow-list lets a machine in by its %s, and trusts it no further",
  async ([by, value, files]) => {
    await fleet.ok("enroll", "allow", `--${by}`, value, "--assign", "env=dev");
    await fleet.agent(`allowed-${by}`, { noToken: true, files });
    expect(await node(`allowed-${by}`)).toMatchObject({
      assurance: "hardware-claim",
      assigned: { env: "dev" },
    });
    // The same mark with other keys is no second node.
    await fleet.agent(`copied-${by}`, { noToken: true, files, waitFor: CHANGED });
    await fleet.ok("enroll", "allow", `--${by}`, value, "--remove");
  },
);

describe("a changed key", () => {
  test("a known id with a new key waits, also with a good token, and needs the fingerprint; then the old key is dead", async () => {
    await fleet.agent("known-01", { env: "prod" });
    const old = identityOf(`${fleet.dir}/known-01`);
    const { joinToken: token } = await fleet.token("--env", "dev");
    const agent = await fleet.agent("known-01", { token, home: `${fleet.dir}/known-new`, waitFor: CHANGED });
    const told = await fleet.event("node.key-changed", ({ id }) => id === "known-01");
    expect(told.node).not.toBe(old.nkey.publicKey);
    expect(await asks("known-01")).toMatchObject([{ status: "changed-key" }]);
    const refused = await fleet.run("enroll", "approve", "known-01");
    expect(refused).toMatchObject({ code: 2, stderr: expect.stringContaining("changed key") });
    const print = printOf(agent.lines);
    await fleet.ok("enroll", "approve", "known-01", "--fingerprint", print);
    await agent.line(CONNECTED);
    expect(await node("known-01")).toMatchObject({ fingerprint: print, assigned: {} });
    await expect(asNode(fleet, old)).rejects.toThrow(/authorization|revoked/i);
    await agent.stop();
  });

  test("known hardware under another id and key waits, also with a good token; approved, the old node ends", async () => {
    const files = eth0("52:54:00:0b:00:01");
    await fleet.agent("hard-01", { files });
    const agent = await fleet.agent("hard-02", { files, waitFor: CHANGED });
    expect(await asks("hard-02")).toMatchObject([
      { status: "changed-key", reason: expect.stringContaining("hard-01") },
    ]);
    await fleet.ok("enroll", "approve", "hard-02", "--fingerprint", printOf(agent.lines));
    await agent.line(CONNECTED);
    expect(await node("hard-01")).toBeUndefined();
  });
});
