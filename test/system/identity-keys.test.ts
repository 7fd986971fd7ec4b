// Goal: an identity ends when the operator says so, moves to new keys when asked, and is never two machines' at once;
// the master's own key rotates under the root, and nodes that slept through it follow.
// Method: real processes that are stopped, restarted and killed; old credentials are tried through a plain client.
import { cpSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import {
  MasterAsk,
  newNkey,
  newSealingKey,
  newSigningKey,
  NodeEvent,
  NodeRekey,
  rekeyStatement,
  seal,
  signBytes,
  signingKey,
  subjects,
} from "@boma/protocol";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

import type { NodeView } from "../../packages/master/src/api/verbs/nodes.ts";
import { takeOver } from "../support/attack.ts";
import { Fleet, type ToldEvent } from "../support/fleet.ts";
import { asNode, busOwner, type HeldIdentity, identityOf } from "../support/hostile.ts";

let fleet: Fleet;
beforeAll(async () => {
  fleet = await Fleet.start();
});
afterAll(() => fleet?.[Symbol.asyncDispose]());

const DEAD = /authorization|revoked|authentication/i;
const held = (id: string): HeldIdentity => identityOf(join(fleet.dir, id));
const node = async (id: string) =>
  (await fleet.json<NodeView[]>("nodes")).value.find((entry) => entry.id === id);
const ping = async (target: string) => (await fleet.run("run", target, "test.ping")).code;
const restartMaster = async () => {
  await fleet.master.stop();
  await fleet.serve();
};
const isDead = (identity: HeldIdentity) => expect(asNode(fleet, identity)).rejects.toThrow(DEAD);

describe("revoke", () => {
  test("cuts the live connection, prints the milliseconds, and the old credential stays dead over restarts", async () => {
    const agent = await fleet.agent("gone-01", { env: "dev" });
    await fleet.agent("stays-01", { env: "dev" });
    const old = held("gone-01");
    const { value } = await fleet.json<{ ms: number; connected: boolean }>("revoke", "gone-01");
    expect(value).toMatchObject({ connected: true });
    expect(value.ms).toBeLessThan(1_000);
    await agent.line(/"msg":"disconnected"/);
    await agent.line(/denied by the master.*revoked/);
    await isDead(old);
    await restartMaster();
    await isDead(old);
    expect(await node("gone-01")).toBeUndefined();
    expect((await fleet.json<NodeView[]>("nodes", "--revoked")).value).toContainEqual(
      expect.objectContaining({ id: "gone-01", status: "revoked", connected: false }),
    );
    const again = await fleet.run("revoke", "gone-01");
    expect(again).toMatchObject({ code: 2, stderr: expect.stringContaining("revoked already") });
    expect((await fleet.run("rekey", "gone-01")).code).toBe(2);
    await agent.stop();
    // Its directory is that of a revoked node, whatever token it brings.
    await fleet.restart("gone-01", { waitFor: /denied by the master/ });
    await fleet.agents.get("gone-01")!.stop();
    await fleet.agent("gone-01", { env: "prod", home: join(fleet.dir, "gone-new") });
    expect(await node("gone-01")).toMatchObject({ assigned: { env: "prod" }, connected: true });
    await isDead(old);
    expect(await ping("stays-01")).toBe(0);
  });

  test("of a node that is away says so; --forget leaves nothing of it, and its credential is dead all the same", async () => {
    const agent = await fleet.agent("away-01");
    const old = held("away-01");
    await agent.stop();
    const { stdout } = await fleet.run("revoke", "away-01", "--forget");
    expect(stdout).toMatch(/it was not connected \(\d+ ms\)/);
    expect(await fleet.ok("nodes", "--revoked")).not.toContain("away-01");
    await restartMaster();
    await isDead(old);
    await fleet.restart("away-01", { waitFor: /denied by the master/ });
  });
});

describe("rekey of a node", () => {
  const expectMoved = async (id: string, old: HeldIdentity) => {
    expect(held(id).nkey.publicKey).not.toBe(old.nkey.publicKey);
    expect(await node(id)).toMatchObject({ key: held(id).nkey.publicKey, assigned: { env: "dev" } });
    await isDead(old);
    expect(await ping(id)).toBe(0);
  };

  test("gives it new keys: it stays the node that it was, and the old ones are dead", async () => {
    const agent = await fleet.agent("rekey-01", { env: "dev" });
    const old = held("rekey-01");
    const before = await node("rekey-01");
    await fleet.ok("rekey", "rekey-01");
    const told = await fleet.event("node.rekeyed", ({ id }) => id === "rekey-01");
    expect(told.data["formerKey"]).toBe(old.nkey.publicKey);
    await agent.line(/this node has new keys/);
    await fleet.event("node.connected", ({ node: key }) => key === told.node);
    expect((await node("rekey-01"))!.fingerprint).not.toBe(before!.fingerprint);
    await expectMoved("rekey-01", old);
  });

  test("that is away happens when it comes back", async () => {
    const agent = await fleet.agent("rekey-02", { env: "dev" });
    await agent.stop();
    const old = held("rekey-02");
    expect(await fleet.ok("rekey", "rekey-02")).toContain("when it connects");
    await fleet.restart("rekey-02");
    const { node: key } = await fleet.event("node.rekeyed", ({ id }) => id === "rekey-02");
    await fleet.event("node.connected", (event) => event.node === key);
    await expectMoved("rekey-02", old);
  });

  test("survives an agent that is killed between the master's move and its own", async () => {
    const agent = await fleet.agent("rekey-03", { env: "dev" });
    const old = held("rekey-03");
    await agent.stop();
    const file = join(fleet.dir, "rekey-03/boma/agent/identity.json");
    const before = readFileSync(file);
    await fleet.ok("rekey", "rekey-03");
    const moving = await fleet.restart("rekey-03");
    const { node: key } = await fleet.event("node.rekeyed", ({ id }) => id === "rekey-03");
    await fleet.event("node.connected", (event) => event.node === key);
    await moving.stop("SIGKILL");
    // As it was on the disk when the answer was still on its way: old keys in use, new ones beside them.
    const { keys } = JSON.parse(readFileSync(file, "utf8")) as { keys: object };
    writeFileSync(join(fleet.dir, "rekey-03/boma/agent/identity.next.json"), JSON.stringify(keys));
    writeFileSync(file, before);
    await fleet.restart("rekey-03");
    await expectMoved("rekey-03", old);
  });

  test("loses nothing of what the bus took under the former ones until they were dead there", async () => {
    await fleet.agent("rekey-04", { env: "dev" });
    const { identity, key, line } = await takeOver(fleet, "rekey-04");
    await fleet.ok("rekey", "rekey-04");
    const [nkey, sign, sealing] = [newNkey.user(), newSigningKey(), newSealingKey()];
    const next = { nkey: nkey.publicKey, sign: sign.publicKey, seal: sealing.publicKey };
    const body = { ...next, possession: signBytes(rekeyStatement(next, key), sign) };
    const signed = { to: "master", key: identity.sign } as const;
    const moved = line.request(subjects.rpc(key, "rekey"), seal(NodeRekey, body, signed));
    const taken = new Set<string>();
    for (let at = 0; !line.isClosed(); at++) {
      const version = `before-${at}`;
      const event = seal(NodeEvent, { kind: "node.started", data: { version, start: at } }, signed);
      const answer = await line.request(subjects.inbox(key, "event"), event).catch(() => undefined);
      if (answer && !answer.json<{ error?: object }>().error) taken.add(version);
    }
    await moved;
    const told = async () => {
      const { value } = await fleet.json<ToldEvent[]>("events", "node.started", "--since", "1h");
      return new Set(value.filter(({ node: of }) => of === key).map(({ data }) => data["version"]));
    };
    expect(taken.size).toBeGreaterThan(0);
    await expect.poll(async () => taken.difference(await told()).size, { timeout: 60_000 }).toBe(0);
  });
});

describe("rekey of the master", () => {
  const keysOf = () => readFileSync(join(fleet.home, "master/keys/working.json"), "utf8");
  const signOf = (text: string) =>
    signingKey(Buffer.from((JSON.parse(text) as { sign: string }).sign, "base64"));

  test("is followed by nodes that listen and by nodes that were away; the old key is no master's any more", async () => {
    const live = await fleet.agent("follow-01");
    const away = await fleet.agent("follow-02");
    await away.stop();
    const old = signOf(keysOf());
    const { value } = await fleet.json<{ serial: number }>("rekey");
    expect(value.serial).toBe(2);
    expect(await ping("follow-01")).toBe(0);
    await fleet.restart("follow-02");
    expect(await ping("follow-02")).toBe(0);
    const owner = await busOwner(fleet);
    const key = held("follow-01").nkey.publicKey;
    owner.publish(subjects.ask(key), seal(MasterAsk, { question: "who" }, { to: key, key: old }));
    const told = await fleet.event("node.message-refused", (event) => event.id === "follow-01");
    expect(told.data).toMatchObject({ code: "wire/sender", subject: subjects.ask(key) });
    expect(live.lines.join()).toContain("a message was refused");
    await owner.close();
    await restartMaster();
    await expect.poll(() => ping("follow-0*"), { timeout: 20_000 }).toBe(0);
  });

  test("needs the root key, wherever it is kept, and takes no other", async () => {
    const kept = join(fleet.home, "master/keys/root.json");
    const elsewhere = join(fleet.dir, "safe.json");
    renameSync(kept, elsewhere);
    const refused = await fleet.run("rekey");
    expect(refused).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/root key is not at[^]*--root-key/),
    });
    writeFileSync(
      join(fleet.dir, "other.json"),
      JSON.stringify({ seed: Buffer.alloc(32, 7).toString("base64") }),
    );
    const other = await fleet.run("rekey", "--root-key", join(fleet.dir, "other.json"));
    expect(other).toMatchObject({ code: 2, stderr: expect.stringContaining("another master") });
    const { value } = await fleet.json<{ serial: number }>("rekey", "--root-key", elsewhere);
    expect(value.serial).toBe(3);
    // A node asks whose the new hand is once in five seconds at most.
    await expect.poll(() => ping("follow-01"), { timeout: 20_000 }).toBe(0);
    renameSync(elsewhere, kept);
  });

  test("is not undone by keys that are put back: the master takes the newer one from its store", async () => {
    const backup = keysOf();
    await fleet.agent("backup-01");
    await fleet.ok("rekey");
    await expect.poll(() => ping("backup-01"), { timeout: 20_000 }).toBe(0);
    const newest = keysOf();
    await fleet.master.stop();
    writeFileSync(join(fleet.home, "master/keys/working.json"), backup, { mode: 0o600 });
    await fleet.serve();
    expect(keysOf()).toBe(newest);
    await expect.poll(() => ping("backup-01"), { timeout: 30_000 }).toBe(0);
  });

  test("is not undone by a home that is put back whole: nodes refuse the older manifest, and follow the newer one again", async () => {
    const agent = await fleet.agent("backup-02");
    const [older, newer] = [join(fleet.dir, "older"), join(fleet.dir, "newer")];
    const put = (from: string, to: string) => cpSync(from, to, { recursive: true });
    await fleet.master.stop();
    put(fleet.home, older);
    await fleet.serve();
    await expect.poll(() => ping("backup-02"), { timeout: 30_000 }).toBe(0);
    await fleet.ok("rekey");
    await expect.poll(() => ping("backup-02"), { timeout: 20_000 }).toBe(0);
    await fleet.master.stop();
    renameSync(fleet.home, newer);
    put(older, fleet.home);
    const from = agent.lines.length;
    await fleet.serve();
    await agent.line(/showed trust manifest \d+, but \d+ is known/, from);
    await fleet.master.stop();
    rmSync(fleet.home, { recursive: true });
    put(newer, fleet.home);
    await fleet.serve();
    await expect.poll(() => ping("backup-02"), { timeout: 30_000 }).toBe(0);
  });
});

describe("a copied directory", () => {
  test("that runs beside the original is told of; neither gets work until one is gone", async () => {
    const original = await fleet.agent("clone-01", { env: "dev" });
    cpSync(join(fleet.dir, "clone-01/boma"), join(fleet.dir, "clone-copy"), {
      recursive: true,
      // As it would come from another machine, where no process holds it, says how it is, or is about to write.
      filter: (path) => !/\/(lock|status)\.[^/]*$|\.tmp$/.test(path),
    });
    const copy = await fleet.agent("clone-01", { home: join(fleet.dir, "clone-copy") });
    const told = await fleet.event("node.duplicate", ({ id }) => id === "clone-01");
    expect(told.data["sessions"]).toHaveLength(2);
    const refused = await fleet.run("run", "clone-01", "test.ping", "--json");
    expect(refused.code).toBe(1);
    expect(refused.stdout).toMatch(/node\/barred/);
    expect(await fleet.ok("nodes")).toMatch(/clone-01 +duplicate/);
    await original.line(/another live machine has this node's identity/);
    await copy.line(/another live machine has this node's identity/);
    await copy.stop();
    expect(await ping("clone-01")).toBe(0);
    // And again: the second time is told of like the first one.
    const { sequence } = told;
    await fleet.agent("clone-01", { home: join(fleet.dir, "clone-copy") });
    await fleet.event("node.duplicate", (event) => event.id === "clone-01" && event.sequence > sequence);
    await Promise.all([original.stop(), fleet.agents.get("clone-01")!.stop()]);
  });

  test("that is put back later is told of", async () => {
    const agent = await fleet.agent("restored-01");
    await agent.stop();
    const dir = join(fleet.dir, "restored-01/boma");
    cpSync(dir, join(fleet.dir, "restored-backup"), { recursive: true });
    await (await fleet.restart("restored-01")).stop();
    await (await fleet.restart("restored-01")).stop();
    cpSync(join(fleet.dir, "restored-backup"), dir, { recursive: true, force: true });
    await fleet.restart("restored-01");
    const told = await fleet.event("node.restored", ({ id }) => id === "restored-01");
    expect(told.data).toMatchObject({ start: 2, known: 3 });
  });
});
