import { stat, writeFile } from "node:fs/promises";

import { BomaError } from "@boma/protocol";
import { agent, file } from "@boma/states";
import { describe, expect, test } from "vitest";

import { driftNode } from "./testing.ts";

const MOTD = "file.managed(/etc/motd)";
const motd = (drift?: "enforce" | "observe" | "adopt" | { handsOff: string }, contents = "hello\n") =>
  file.managed("/etc/motd", { contents, ...(drift && { drift }) });

describe("observe", () => {
  test("tells of a difference once, over restarts, until it is another one", async () => {
    await using node = await driftNode();
    const first = await node.start();
    await node.apply(first, [motd()]);
    await node.look(first);
    expect(node.heard()).toEqual(["drift.checked"]);
    await node.write("etc/motd", "by hand\n");
    await node.look(first);
    expect(node.told[0]).toMatchObject({
      kind: "drift.found",
      data: {
        resource: MOTD,
        mode: "observe",
        changes: { contents: { diff: expect.stringContaining("-by hand") } },
        trigger: "schedule",
      },
    });
    node.heard();
    await node.look(first);
    await node.look(await node.start());
    expect(node.heard()).toEqual([]);
    await node.write("etc/motd", "otherwise\n");
    await node.look(await node.start());
    expect(node.heard()).toEqual([`drift.found ${MOTD}`]);
    expect(await node.read("etc/motd")).toBe("otherwise\n");
  });

  test("tells when it is as it should be again, and who made it so", async () => {
    await using node = await driftNode();
    const started = await node.start();
    await node.apply(started, [motd()]);
    await node.write("etc/motd", "by hand\n");
    await node.look(started);
    await node.write("etc/motd", "hello\n");
    node.heard();
    await node.look(started);
    expect(node.told[0]).toMatchObject({ kind: "drift.healed", data: { by: "somebody" } });
    await node.write("etc/motd", "by hand\n");
    await node.look(started);
    await node.apply(started, [motd("observe", "by hand\n")]);
    node.heard();
    await node.look(started);
    expect(node.told[0]).toMatchObject({ kind: "drift.healed", data: { by: "new-catalog" } });
  });

  test("says since when: the moment of the change where the file tells it", async () => {
    await using node = await driftNode();
    const started = await node.start();
    await node.apply(started, [motd()]);
    await node.look(started);
    node.heard();
    node.clock.now = Date.now() + 5_000;
    await node.write("etc/motd", "by hand\n");
    const { ctimeMs } = await stat(`${node.root}/etc/motd`);
    node.clock.now = Date.now() + 60_000;
    started.book.facts.lookedAt = Math.round(ctimeMs) - 10_000;
    await started.cache.keep(
      (await started.cache.load())!.parcel,
      { job: "J", operator: "o", at: 0 },
      { unfinished: false },
    );
    await node.look(started, { enforce: false });
    expect(node.told[0]).toMatchObject({ data: { since: Math.round(ctimeMs), sinceBy: "change", who: [] } });
  });
});

describe("enforce", () => {
  test("puts right what drifted, and nothing else", async () => {
    await using node = await driftNode();
    const started = await node.start();
    await node.apply(started, [motd("enforce"), file.managed("/etc/issue", { contents: "issue\n" })]);
    await node.write("etc/motd", "by hand\n");
    await node.write("etc/issue", "by hand\n");
    await node.look(started);
    expect(await node.read("etc/motd")).toBe("hello\n");
    expect(await node.read("etc/issue")).toBe("by hand\n");
    expect(node.heard()).toEqual([
      `drift.found ${MOTD}`,
      "drift.found file.managed(/etc/issue)",
      `drift.healed ${MOTD}`,
      "drift.checked",
    ]);
  });

  test("is what `agent.drift` says for all that say nothing themselves", async () => {
    await using node = await driftNode();
    const started = await node.start();
    await node.apply(started, [agent.drift("node", { mode: "enforce" }), motd()]);
    await node.remove("etc/motd");
    await node.look(started);
    expect(await node.read("etc/motd")).toBe("hello\n");
  });

  test("stops after three reverts within the hour, also over a restart, until it is told to go on", async () => {
    await using node = await driftNode();
    const started = await node.start();
    await node.apply(started, [motd("enforce")]);
    for (let time = 0; time < 3; time++) {
      await node.write("etc/motd", `by hand ${time}\n`);
      await node.look(started);
    }
    expect(node.heard()).toContain(`drift.loop ${MOTD}`);
    await node.write("etc/motd", "by hand again\n");
    const again = await node.start();
    await node.look(again);
    expect(await node.read("etc/motd")).toBe("by hand again\n");
    expect(await again.drift().reset(undefined)).toEqual([MOTD]);
    await node.look(again);
    expect(await node.read("etc/motd")).toBe("hello\n");
  });

  test("is not for a look that somebody asked for", async () => {
    await using node = await driftNode();
    const started = await node.start();
    await node.apply(started, [motd("enforce")]);
    await node.write("etc/motd", "by hand\n");
    const look = await started.drift().look([MOTD], new AbortController().signal);
    expect(look.drifted).toMatchObject([{ resource: MOTD }]);
    expect(await node.read("etc/motd")).toBe("by hand\n");
  });

  test("changes nothing where the node's own policy says so, and tells that once", async () => {
    await using node = await driftNode();
    const policy = {
      problems: [],
      check(name: string) {
        if (name === "drift.enforce") throw new BomaError("job/refused", `${name} is denied on this node`);
      },
    };
    const started = await node.start({ policy });
    await node.apply(started, [motd("enforce")]);
    await node.write("etc/motd", "by hand\n");
    await node.look(started);
    await node.look(started);
    expect(node.heard()).toEqual([`drift.found ${MOTD}`, `drift.failed ${MOTD}`, "drift.checked"]);
    expect(await node.read("etc/motd")).toBe("by hand\n");
  });

  test("changes nothing after an apply that did not come to its end", async () => {
    await using node = await driftNode();
    const started = await node.start();
    await node.apply(started, [motd("enforce")]);
    await started.cache.begin();
    await node.write("etc/motd", "by hand\n");
    await node.look(started);
    expect(await node.read("etc/motd")).toBe("by hand\n");
    expect(node.heard()).toContain(`drift.found ${MOTD}`);
  });

  test("lets whoever waits for the node go first", async () => {
    await using node = await driftNode();
    const busy = await node.start({ holders: ["job 1"] });
    await node.apply(busy, [motd("enforce")]);
    await node.write("etc/motd", "by hand\n");
    expect(await node.look(busy)).toMatchObject({ again: true });
    expect(await node.read("etc/motd")).toBe("by hand\n");
  });

  test("that was cut off is finished by the next start", async () => {
    await using node = await driftNode();
    const started = await node.start();
    await node.apply(started, [motd("enforce")]);
    await node.write("etc/motd", "by hand\n");
    await node.look(started, { enforce: false });
    node.heard();
    // The agent was killed after the file was written, and before anything was said of it.
    started.book.facts.enforcing = [MOTD];
    await started.book.save();
    await node.write("etc/motd", "hello\n");
    const next = await node.start();
    await node.look(next);
    expect(next.book.facts).toMatchObject({ enforcing: [], drifting: {} });
    expect(next.book.facts.reverts[MOTD]).toHaveLength(1);
    expect(node.told[0]).toMatchObject({ kind: "drift.healed", data: { by: "boma" } });
    expect(node.heard().filter((one) => one.startsWith("drift.healed"))).toHaveLength(1);
  });
});

test("adopt tells of a difference once, in its own mode", async () => {
  await using node = await driftNode();
  const started = await node.start();
  await node.apply(started, [motd("adopt")]);
  await node.write("etc/motd", "by hand\n");
  await node.look(started);
  expect(node.told[0]).toMatchObject({ kind: "drift.found", data: { mode: "adopt" } });
  node.heard();
  await node.look(started);
  expect(node.heard()).toEqual([]);
});

test("what hands are kept off is not looked at until the day", async () => {
  await using node = await driftNode();
  const started = await node.start();
  await node.apply(started, [motd({ handsOff: "2100-01-01" })]);
  await node.write("etc/motd", "by hand\n");
  expect(await node.look(started)).toMatchObject({ checked: 0 });
  expect(node.heard()).toEqual(["drift.checked"]);
});

test("what cannot be looked at is told once, and never put right", async () => {
  await using node = await driftNode();
  const started = await node.start();
  await node.apply(started, [motd("enforce")]);
  await node.remove("etc/motd");
  await node.write("etc/motd/inside", "a directory lies there\n");
  await node.look(started);
  await node.look(started);
  expect(node.heard().filter((one) => one === `drift.failed ${MOTD}`)).toHaveLength(1);
  expect(await node.read("etc/motd/inside")).toBe("a directory lies there\n");
});

test("a catalog that is not what this node kept is refused loudly, and once", async () => {
  await using node = await driftNode();
  const started = await node.start();
  await node.apply(started, [motd("enforce")]);
  await node.write("etc/motd", "by hand\n");
  await writeFile(node.path("drift/catalog"), "forged");
  for (let time = 0; time < 2; time++)
    await expect(node.look(started)).rejects.toMatchObject({ code: "drift/catalog" });
  expect(node.heard()).toEqual(["drift.failed catalog"]);
  expect(await node.read("etc/motd")).toBe("by hand\n");
});

test("a state file that is damaged is put aside, and drift is told anew", async () => {
  await using node = await driftNode();
  const started = await node.start();
  await node.apply(started, [motd()]);
  await node.write("etc/motd", "by hand\n");
  await node.look(started);
  await writeFile(node.path("drift/book.json"), "{");
  node.heard();
  const next = await node.start();
  expect(next.book.problem).toContain("moved to");
  await node.look(next);
  expect(node.heard()).toContain(`drift.found ${MOTD}`);
});

test("a resource that is not in the catalog is named, with the nearest", async () => {
  await using node = await driftNode();
  const started = await node.start();
  await node.apply(started, [motd()]);
  await expect(
    started.drift().look(["file.managed(/etc/mtd)"], new AbortController().signal),
  ).rejects.toMatchObject({
    hint: `Did you mean \`${MOTD}\`?`,
  });
});

test("a file that was changed while no agent ran is looked at soon after its start", async () => {
  await using node = await driftNode();
  const started = await node.start();
  await node.apply(started, [motd("enforce")]);
  await node.write("etc/motd", "by hand\n");
  const drift = (await node.start()).drift();
  drift.start();
  try {
    await expect.poll(() => node.read("etc/motd"), { timeout: 10_000 }).toBe("hello\n");
  } finally {
    await drift.stop();
  }
});

test("a file that somebody touches is looked at soon, by itself", async () => {
  await using node = await driftNode();
  const started = await node.start();
  await node.apply(started, [agent.drift("node", { splay: "10m" }), motd("enforce")]);
  const drift = started.drift();
  drift.start();
  try {
    await expect.poll(async () => (await drift.status()).watched).toBeGreaterThan(0);
    await node.write("etc/motd", "by hand\n");
    await expect.poll(() => node.read("etc/motd"), { timeout: 10_000 }).toBe("hello\n");
  } finally {
    await drift.stop();
  }
});
