// Goal: what nodes tell of their drift adds up on the master, once, over restarts and changed keys; a node can neither
// flood it nor speak through it to a terminal or into a site.
// Method: real agents that enrolled and applied the site; their drift is told in their name by a plain client.
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { NodeEvent, type NodeEventBody, seal, subjects } from "@boma/protocol";
import type { NatsConnection } from "nats";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";

import type { DriftView } from "../../packages/master/src/api/verbs/drift.ts";
import { Fleet } from "../support/fleet.ts";
import { asNode, type HeldIdentity, identityOf } from "../support/hostile.ts";

type Found = Extract<NodeEventBody, { kind: "drift.found" }>["data"];

const MOTD = "file.managed(/etc/motd)";
let fleet: Fleet;
let catalog = "";

beforeAll(async () => {
  fleet = await Fleet.start();
  const site = join(fleet.home, "site");
  mkdirSync(join(site, "states"), { recursive: true });
  writeFileSync(
    join(site, "top.ts"),
    'import { top } from "@boma/states";\nexport default top({ "*": ["base"] });\n',
  );
  const lines = [
    'import { file, tree } from "@boma/states";',
    "export default tree(() => [",
    '  file.managed("/etc/motd", { contents: "hello\\n", mode: "0644" }),',
    '  file.directory("/srv/data", { mode: "0750" }),',
    "]);",
    "",
  ];
  writeFileSync(join(site, "states/base.ts"), lines.join("\n"));
  const files = { "etc/hosts": "", "srv/readme": "" };
  await Promise.all(["d1", "d2", "d3"].map((id) => fleet.agent(id, { files })));
  await fleet.ok("run", "d1", "state.apply");
  const listed = await fleet.json<{ hash: string }[]>("catalog", "list", "d1");
  catalog = listed.value[0]!.hash;
  await Promise.all(["d1", "d2", "d3"].map((id) => fleet.agents.get(id)!.stop()));
}, 180_000);
afterAll(() => fleet?.[Symbol.asyncDispose]());

const held = (id: string): HeldIdentity => identityOf(join(fleet.dir, id));

/** Speaks as a node, in its own words. */
async function tells(id: string, ...events: readonly NodeEventBody[]): Promise<void> {
  const identity = held(id);
  const node = await asNode(fleet, identity);
  await tellAll(node, identity, events);
  await node.close();
}

async function tellAll(
  node: NatsConnection,
  { nkey, sign }: HeldIdentity,
  events: readonly NodeEventBody[],
): Promise<void> {
  const subject = subjects.inbox(nkey.publicKey, "event");
  for (const event of events) {
    const frame = seal(NodeEvent, event, { to: "master", key: sign });
    // As an agent does: until the stream has room for it, and says that it has it.
    await vi.waitUntil(
      async () => !("error" in (await node.request(subject, frame, { timeout: 5_000 })).json<object>()),
      { timeout: 20_000, interval: 20 },
    );
  }
}

const found = (change: Partial<Found> = {}): NodeEventBody => ({
  kind: "drift.found",
  data: {
    resource: MOTD,
    catalog,
    mode: "observe",
    changes: { mode: { from: "0600", to: "0644" } },
    comment: "",
    since: Date.now() - 3_600_000,
    sinceBy: "change",
    who: ["ben with sudo"],
    trigger: "beacon",
    ...change,
  },
});
const healed = (resource = MOTD): NodeEventBody => ({
  kind: "drift.healed",
  data: { resource, catalog, by: "job", since: Date.now() },
});
const checked = (drifted: number): NodeEventBody => ({
  kind: "drift.checked",
  data: { catalog, checked: 2, drifted, failed: 0, ms: 5, enforced: 0 },
});

const viewOf = async (id: string): Promise<DriftView> => {
  const { value } = await fleet.json<{ nodes: DriftView[] }>("drift", id);
  return value.nodes.find((view) => view.id === id)!;
};
/** Waits until the master has added up what was told. */
const until = async (id: string, fits: (view: DriftView) => boolean): Promise<void> => {
  await expect.poll(() => viewOf(id), { timeout: 40_000 }).toSatisfy(fits);
};

describe("the fleet at a glance", () => {
  test("names what differs once, with every node that has it, since when and by whom, and ends with 1", async () => {
    await tells("d1", found(), checked(1));
    await tells("d2", found(), found({ resource: "file.directory(/srv/data)", mode: "enforce" }), checked(2));
    await tells("d3", checked(0));
    await until("d1", ({ resources }) => resources.length === 1);
    await until("d2", ({ resources, checkedAt }) => resources.length === 2 && checkedAt !== undefined);
    await until("d3", ({ state }) => state === "ok");
    const { code, stdout } = await fleet.run("drift");
    expect(code).toBe(1);
    expect(stdout.split(MOTD)).toHaveLength(2);
    expect(stdout).toMatch(
      /file\.managed\(\/etc\/motd\) +observe +d1 d2\n +since 60 min, by ben with sudo\n +mode +0600 → 0644/,
    );
    expect(stdout).toContain("3 nodes: 2 drifted, 1 ok");
    expect(stdout).toContain("boma-master run d1 state.apply");
    const { value } = await fleet.json<{ ok: boolean; nodes: DriftView[] }>("drift");
    expect(value.ok).toBe(false);
    expect(value.nodes.map(({ id, state }) => [id, state])).toEqual([
      ["d1", "drifted"],
      ["d2", "drifted"],
      ["d3", "ok"],
    ]);
  });

  test("ends with 0 once all is healed, and a whole look that found nothing clears what is left", async () => {
    await tells("d1", healed());
    await tells("d2", checked(0));
    await until("d1", ({ resources }) => resources.length === 0);
    await until("d2", ({ resources }) => resources.length === 0);
    expect((await fleet.run("drift", "d1 or d2 or d3")).code).toBe(0);
  });

  test("says which nodes it knows nothing of, and why", async () => {
    await tells("d3", {
      kind: "drift.failed",
      data: { resource: "catalog", catalog: "", comment: "the catalog is damaged" },
    });
    await until("d3", ({ state }) => state === "unknown");
    const { code, stdout } = await fleet.run("drift", "d3");
    expect({ code, stdout }).toEqual({
      code: 0,
      stdout: expect.stringMatching(/unknown +d3: the catalog is damaged/),
    });
    await tells("d3", checked(0));
    await until("d3", ({ state }) => state === "ok");
  });

  test("counts what is to be adopted as known, and what is left alone after a loop as what it is", async () => {
    await tells("d3", found({ mode: "adopt" }));
    await until("d3", ({ resources }) => resources.length === 1);
    expect((await fleet.run("drift", "d3")).code).toBe(0);
    await tells("d3", found({ mode: "enforce" }), {
      kind: "drift.loop",
      data: { resource: MOTD, catalog, reverts: 3, withinMs: 3_600_000, who: ["puppet.service"] },
    });
    await until("d3", ({ resources: [one] }) => one?.loop !== undefined);
    const { code, stdout } = await fleet.run("drift", "d3");
    expect(code).toBe(1);
    expect(stdout).toMatch(/1 left alone[^]*by puppet\.service[^]*undone 3 times within 60 min/);
    await tells("d3", checked(0));
    await until("d3", ({ resources }) => resources.length === 0);
  });
});

describe("drift adopt", () => {
  test("prints the declaration with the values that are there, and where it was written", async () => {
    await tells("d1", found({ mode: "adopt", changes: { mode: { from: "0600", to: "0644" } } }));
    await until("d1", ({ resources }) => resources.length === 1);
    const text = await fleet.ok("drift", "adopt", "d1");
    expect(text).toContain('// "file.managed(/etc/motd)", "states/base.ts:3"');
    expect(text).toContain('file.managed("/etc/motd", {');
    expect(text).toContain('  mode: "0600",');
    expect(text).toContain('  contents: "hello\\n",');
  });

  test("says what it cannot know: a text of which only the difference was told, a thing that is gone", async () => {
    await tells(
      "d1",
      found({ changes: { contents: { diff: "-hello\n+hi\n" } } }),
      found({
        resource: "file.directory(/srv/data)",
        changes: { type: { to: "directory" }, mode: { to: "0750" } },
      }),
    );
    await until("d1", ({ resources }) => resources.length === 2);
    const text = await fleet.ok("drift", "adopt", "d1");
    expect(text).toContain('// "contents": only the lines that differ are known');
    expect(text).not.toContain("contents:");
    expect(text).toContain("It is not there at all");
    const none = await fleet.run("drift", "adopt", "d1", "file.managed(/nowhere)");
    expect({ code: none.code, stderr: none.stderr }).toEqual({
      code: 2,
      stderr: expect.stringContaining("has not drifted on d1"),
    });
  });

  test("what a node says is never code, and never a command to the terminal", async () => {
    const evil = 'x"; process.exit() //\u2028process.exit()\n\u001b[2J';
    await tells(
      "d1",
      found({
        changes: { mode: { from: evil, to: "0644" }, [evil]: { from: evil } },
        comment: evil,
        who: [evil],
      }),
    );
    await until("d1", ({ resources }) => resources.some(({ comment }) => comment.includes("process")));
    const { stdout } = await fleet.run("drift", "d1");
    expect(stdout).not.toContain("\u001b[2J");
    const text = await fleet.ok("drift", "adopt", "d1", MOTD);
    for (const character of ["\u2028", "\u001b"]) expect(text).not.toContain(character);
    for (const line of text.split("\n").filter((one) => one.includes("process.exit")))
      expect(line, "a remark, or one literal").toMatch(/^(\/\/ |  mode: "([^"\\]|\\.)*",$)/);
  });
});

describe("what is added up", () => {
  test("is bounded for each node, and counts what has no room", async () => {
    const many = Array.from({ length: 260 }, (_, n) => found({ resource: `file.managed(/etc/f${n})` }));
    await tells("d2", ...many);
    await until("d2", ({ resources, more }) => resources.length === 200 && more === 60);
    await tells("d2", checked(0));
    await until("d2", ({ resources, more }) => resources.length + more === 0);
  });

  test("survives a master that is killed in the middle, with nothing lost and nothing counted twice", async () => {
    const identity = held("d2");
    const many = Array.from({ length: 300 }, (_, n) => found({ resource: `file.managed(/etc/g${n})` }));
    const node = await asNode(fleet, identity);
    await tellAll(node, identity, many.slice(0, 150));
    await until("d2", ({ resources }) => resources.length > 20);
    await fleet.master.stop("SIGKILL");
    await node.close();
    await fleet.serve();
    await tells("d2", ...many.slice(150));
    await until("d2", ({ resources, more }) => resources.length === 200 && more === 100);
    await tells("d2", checked(0));
    await until("d2", ({ resources, more }) => resources.length + more === 0);
  });

  test("stays with a node that changes its keys, and goes with one that is revoked", async () => {
    // Without a catalog of its own its agent has nothing to look at, and says nothing.
    const first = await fleet.agent("d4");
    await first.stop();
    await tells("d4", found(), checked(1));
    await until("d4", ({ state }) => state === "drifted");
    const { nkey } = held("d4");
    await fleet.restart("d4");
    await fleet.ok("rekey", "d4");
    await expect.poll(() => held("d4").nkey.publicKey, { timeout: 20_000 }).not.toBe(nkey.publicKey);
    await until("d4", ({ resources: [one] }) => one?.resource === MOTD);
    await fleet.agents.get("d4")!.stop();
    await fleet.ok("revoke", "d4");
    const { value } = await fleet.json<{ nodes: DriftView[] }>("drift");
    expect(value.nodes.map(({ id }) => id)).toEqual(["d1", "d2", "d3"]);
    await fleet.agent("d4", { home: join(fleet.dir, "d4-again") });
    expect(await viewOf("d4")).toMatchObject({ state: "unknown", resources: [] });
  });
});
