import { BomaError } from "@boma/protocol";
import { describe, expect, test } from "vitest";
import { z } from "zod";

import { compileCatalog } from "../catalog/compile.ts";
import { defineState } from "../define-state.ts";
import type { Ports } from "../host/host.ts";
import { secret, text } from "../secret.ts";
import type { AnySpec } from "../state-spec.ts";
import managed from "../states/file/managed.ts";
import { light, optionsFor, thing, trial, trialStates } from "../testing/trial.ts";
import { planDigests, movedSince } from "./digest.ts";
import { REPORT_BYTES_MAX } from "./fit.ts";
import type { StepProgress } from "./options.ts";
import { runCatalog } from "./run.ts";

const plan = { mode: "plan" } as const;

/** The ports, with what happens when a file is written. */
const writing = (ports: Ports, write: (path: string, real: () => Promise<void>) => Promise<void>): Ports => ({
  ...ports,
  files: {
    read: ports.files.read,
    write: {
      ...ports.files.write,
      write: (path, content, own) => write(path, () => ports.files.write.write(path, content, own)),
    },
  },
});
/** The kind of state, otherwise in a few points. */
const otherwise = (change: Partial<AnySpec>) => ({
  states: { ...trialStates, "trial.thing": { ...thing.spec, ...change } as AnySpec },
});

describe("guards", () => {
  const commands = { yes: { exitCode: 0 }, no: { exitCode: 1 } };
  test.each([
    [{ creates: "/there" }, "ok", "skipped: /there exists"],
    [{ creates: ["/there", "/gone"] }, "changed", "created"],
    [{ onlyIf: "yes" }, "changed", "created"],
    [{ onlyIf: ["yes", ["no"]] }, "ok", "skipped: onlyIf `no` is not satisfied"],
    [{ unless: "no" }, "changed", "created"],
    [{ unless: ["no", "yes"] }, "ok", "skipped: unless `yes` is satisfied"],
  ])("%j: %s", async (options, result, comment) => {
    const { run } = trial({ commands, files: { "/there": "" } });
    expect((await run([thing("a", options)])).of("a")).toMatchObject({ result, comment });
  });

  test("are asked in a plan too, and are unknown where an earlier change may decide", async () => {
    const { run } = trial({ commands });
    const tree = [
      thing("a"),
      thing("b", { require: "trial.thing(a)", onlyIf: "no" }),
      thing("c", { onlyIf: "no" }),
    ];
    expect((await run(tree, plan)).brief).toEqual({ a: "would-change", b: "unknown", c: "ok" });
  });

  test("keep what they guard from being refreshed", async () => {
    const { run, at } = trial({ commands });
    await run([thing("a"), thing("s", { watch: "trial.thing(a)", unless: "yes" })]);
    expect(await at("/s.refreshed")).toBeUndefined();
  });
});

describe("refusals", () => {
  test("a state that the node's policy denies is refused, and what hangs on it is skipped", async () => {
    const permit = (): void => {
      throw new BomaError("job/refused", "not here");
    };
    const told = await trial().run([thing("a")], { permit });
    expect(told.of("a")).toMatchObject({
      result: "refused",
      error: { code: "job/refused", message: "not here" },
    });
    expect(told.ok).toBe(false);
  });

  test("a confined agent refuses what cannot be confined, and keeps files", async () => {
    const { run, at } = trial();
    const told = await run([thing("a"), managed("/motd", { contents: "hi\n" })], { confined: true });
    expect(told.brief).toEqual({ a: "refused", "/motd": "changed" });
    expect(await at("/motd")).toBe("hi\n");
  });
});

test("a state for other systems is refused on this one, and runs where nobody knows which it is", async () => {
  const elsewhere = defineState({
    name: "trial.elsewhere",
    summary: "Works on another family of systems.",
    key: "name",
    params: z.strictObject({ name: z.string() }),
    platforms: ["RedHat"],
    check: async () => ({}),
    apply: async () => undefined,
    examples: [],
  });
  const states = { [elsewhere.spec.name]: elsewhere.spec };
  const { run } = trial();
  const told = async (family?: string) => (await run([elsewhere("a")], { states, family })).results[0]!;
  expect(await told("RedHat")).toMatchObject({ result: "ok" });
  expect(await told()).toMatchObject({ result: "ok" });
  expect(await told("Debian")).toMatchObject({
    result: "failed",
    error: { code: "state/unsupported", message: expect.stringContaining("RedHat") },
  });
});

describe("retry and time", () => {
  test("a failure is tried again as often as it says, and a success in between is one change", async () => {
    const { run, machine } = trial();
    let left = 2;
    const flaky = writing(machine.ports, async (_path, real) => {
      if (left-- > 0) throw new Error("not yet");
      await real();
    });
    const tree = (attempts: number) => [thing("a", { retry: { attempts, interval: "1ms" } })];
    expect((await run(tree(2), { ports: flaky })).of("a")).toMatchObject({ result: "failed" });
    left = 2;
    expect((await run(tree(3), { ports: flaky })).of("a")).toMatchObject({ result: "changed" });
  });

  test("what was made and could not be proved is proved at the next attempt", async () => {
    let proofs = 0;
    const verify = async (): Promise<void> => {
      if (proofs++ === 0) throw new Error("no proof");
    };
    const told = await trial().run(
      [thing("a", { retry: { attempts: 2, interval: "1ms" } })],
      otherwise({ verify }),
    );
    expect(told.of("a")).toMatchObject({ result: "changed", changes: { value: { to: "on" } } });
    expect(proofs).toBe(2);
  });

  test("what is over its time fails, is waited for, and can do nothing more", async () => {
    const { run, at, machine } = trial();
    let ended = false;
    const apply: AnySpec["apply"] = async (_changes, { name }, { files }) => {
      // Busy until its time is up, which shows in that the machine refuses it from then on; `b` has no such time.
      const look = async () => files.stat("/");
      const isOpen = () => look().then(Boolean, () => false);
      while (name === "a" && (await isOpen())) await new Promise(setImmediate);
      if (name === "a") ended = true;
      await files.write(`/${name}`, "late");
    };
    const told = await run(
      [thing("a", { timeout: "10ms" }), thing("b", { value: "late" })],
      otherwise({ apply }),
    );
    expect(told.of("a")).toMatchObject({
      result: "failed",
      error: { code: "state/timeout", message: "not done within 10 ms" },
    });
    expect(ended).toBe(true);
    expect(await at("/a")).toBeUndefined();
    expect(machine.log).toEqual(["files.write /b late"]);
  });

  test("what does not end when its time is over is told of, and the run goes on", async () => {
    const hangs = otherwise({
      check: ({ name }) => (name === "a" ? new Promise(() => undefined) : Promise.resolve({})),
    });
    const told = await trial().run([thing("a", { timeout: "5ms" }), thing("b")], { ...hangs, graceMs: 5 });
    expect(told.of("a").error!.message).toBe("not done within 5 ms, and what it began could not be stopped");
    expect(told.of("b").result).toBe("ok");
  });

  test("cancelled: what does not end is told of, and can do nothing more afterwards", async () => {
    const { run, machine } = trial();
    const ending = new AbortController();
    const later = Promise.withResolvers<void>();
    const written = Promise.withResolvers<unknown>();
    const apply: AnySpec["apply"] = async (_changes, _want, { files }) => {
      ending.abort();
      await later.promise;
      const write = async (): Promise<void> => files.write("/late", "x");
      written.resolve(await write().catch((thrown: unknown) => thrown));
    };
    const told = await run([thing("a")], { ...otherwise({ apply }), signal: ending.signal, graceMs: 5 });
    expect(told.of("a").error).toMatchObject({
      code: "state/cancelled",
      message: "cancelled, and what it began could not be stopped",
    });
    later.resolve();
    expect(await written.promise).toMatchObject({ code: "state/cancelled" });
    expect(machine.log).toEqual([]);
  });

  test("cancelled: what runs ends, the rest is skipped, and the run is not well", async () => {
    const { run, machine } = trial();
    const ending = new AbortController();
    const ports = writing(machine.ports, async (path, real) => {
      if (path === "/b") ending.abort();
      await real();
    });
    const told = await run([thing("a"), thing("b"), thing("c")], { ports, signal: ending.signal });
    expect(told.brief).toEqual({ a: "changed", b: "changed", c: "skipped" });
    expect(told.of("c").comment).toBe("cancelled");
    expect(told.ok).toBe(false);
  });
});

describe("side by side", () => {
  /** How many were at work at once, and in which order they began. */
  async function watched(tree: Parameters<ReturnType<typeof trial>["run"]>[0], parallel = 8) {
    const { run, machine } = trial();
    const began: string[] = [];
    let [now, most] = [0, 0];
    const ports = writing(machine.ports, async (path, real) => {
      began.push(path);
      most = Math.max(most, ++now);
      await new Promise((resolve) => setImmediate(resolve));
      await real().finally(() => (now -= 1));
    });
    const told = await run(tree, { ports, parallel });
    return { most, began, told };
  }
  const many = (count: number) => Array.from({ length: count }, (_, n) => light(`l${n}`));

  test("states that allow it run beside each other, up to the bound, and are told in order", async () => {
    expect((await watched(many(20), 4)).most).toBe(4);
    const { told, most } = await watched(many(3));
    expect(most).toBe(3);
    expect(Object.keys(told.brief)).toEqual(["l0", "l1", "l2"]);
  });

  test("all else is alone, after all before it and before all after it", async () => {
    const { began, most } = await watched([light("a"), light("b"), thing("alone"), light("c")]);
    expect(most).toBe(2);
    expect(began).toEqual(["/a", "/b", "/alone", "/c"]);
  });

  test("what hangs on another, is guarded, or lies below what another claims, waits", async () => {
    expect((await watched([light("a"), light("b", { require: "trial.light(a)" })])).most).toBe(1);
    expect((await watched([light("a"), light("b", { creates: "/nothing" })])).most).toBe(1);
    expect((await watched([light("a"), light("a/b"), light("a/b/c")])).began).toEqual([
      "/a",
      "/a-b",
      "/a-b-c",
    ]);
    expect((await watched([light("a"), light("a/b"), light("a/b/c")])).most).toBe(1);
    const upward = await watched([light("a/b"), light("a/c"), light("a"), light("ab")]);
    expect(upward.began).toEqual(["/a-b", "/a-c", "/ab", "/a"]);
  });
});

describe("secrets", () => {
  const canary = `canary'"\\-Zq8/+w7 3f\n`;
  const secrets = new Map([["env:CANARY", canary]]);
  const encodings = (value: string): string[] => [
    value,
    value.trim(),
    Buffer.from(value).toString("base64"),
    Buffer.from(value.trim()).toString("base64url"),
    Buffer.from(value.trim()).toString("hex"),
    encodeURIComponent(value.trim()),
    JSON.stringify(value.trim()).slice(1, -1),
  ];
  const leaky = otherwise({
    check: async (want) => {
      throw new BomaError("state/failed", encodings(want.value).join(" or "), { hint: `not ${want.value}` });
    },
  });

  test.each(["apply", "plan"] as const)(
    "%s: no form of a secret is in the report or its progress",
    async (mode) => {
      const told: unknown[] = [];
      const { run, at } = trial({ files: { "/old": "old secret", "/plain": "x" } });
      const onProgress = (step: StepProgress): void => void told.push(step);
      const tree = [
        thing("new", { value: secret("env:CANARY") }),
        managed("/old", { contents: text`a=${secret("env:CANARY")}` }),
        managed("/plain", { contents: `leaked by hand: ${canary}` }),
      ];
      const failing = await run(tree, { mode, secrets, ...leaky });
      expect(failing.of("new").error!.message).toContain("•••");
      told.push(await run(tree, { mode, secrets, onProgress }), failing);
      const all = JSON.stringify(told);
      for (const form of encodings(canary)) expect(all).not.toContain(JSON.stringify(form).slice(1, -1));
      expect(all).not.toContain("old secret");
      if (mode === "apply") expect(await at("/old")).toBe(`a=${canary}`);
    },
  );

  test("a property that holds one is masked on both sides", async () => {
    const { run } = trial({ files: { "/a": "before" } });
    const told = await run([thing("a", { value: secret("env:CANARY") })], { secrets });
    expect(told.of("a").changes).toEqual({ value: { from: "(secret)", to: "(secret)" } });
  });

  test("one that did not come fails what needs it, in a plan too", async () => {
    const told = await trial().run([thing("a", { value: secret("env:CANARY") })], plan);
    expect(told.of("a")).toMatchObject({ result: "failed", error: { code: "state/secret" } });
  });
});

describe("plans", () => {
  test("the same state has the same hash, and another state another", async () => {
    const { run, machine } = trial({ files: { "/b": "x" } });
    const tree = [thing("a"), thing("b")];
    const one = await run(tree, plan);
    expect((await run(tree, plan)).plan).toBe(one.plan);
    expect(movedSince(planDigests(one), await run(tree, plan))).toEqual([]);
    await machine.ports.files.write.write("/b", "y");
    const other = await run(tree, plan);
    expect(other.plan).not.toBe(one.plan);
    expect(movedSince(planDigests(one), other)).toEqual(["trial.thing(b)"]);
    expect((await run(tree)).plan).toBeUndefined();
  });

  test("a secret's new tag is another plan, its value is not part of it", async () => {
    const { machine } = trial();
    const hash = async (tag: string, value: string) => {
      const { catalog } = compileCatalog([thing("a", { value: secret("env:X") })], { secretTag: () => tag });
      const secrets = new Map([["env:X", value]]);
      return (await runCatalog(catalog, { ...optionsFor(machine.ports), ...plan, secrets })).plan;
    };
    expect(await hash("one", "a")).toBe(await hash("one", "b"));
    expect(await hash("two", "a")).not.toBe(await hash("one", "a"));
  });
});

describe("commit-confirm", () => {
  const undo = { files: [], commands: [] };
  const withConfirm = otherwise({ confirm: { withinMs: 60, undo: async () => undo } });
  function confirming(prove: () => Promise<void>) {
    const said: string[] = [];
    const arm = async (id: string) => {
      said.push(`arm ${id}`);
      return {
        prove: () => (said.push("prove"), prove()),
        revert: async () => void said.push("revert"),
      };
    };
    return { said, confirm: { arm } };
  }

  test("is armed before the change and proved after it; nothing to change arms nothing", async () => {
    const { said, confirm } = confirming(async () => undefined);
    const { run } = trial();
    await run([thing("a")], { ...withConfirm, confirm });
    await run([thing("a")], { ...withConfirm, confirm });
    expect(said).toEqual(["arm trial.thing(a)", "prove"]);
  });

  test("a change that failed is taken back, and one that could not be proved failed", async () => {
    const { said, confirm } = confirming(() =>
      Promise.reject(new BomaError("state/reverted", "not reached")),
    );
    const broken = await trial().run([thing("a", { breaks: "apply" })], { ...withConfirm, confirm });
    expect(broken.brief).toEqual({ a: "failed" });
    expect(said).toEqual(["arm trial.thing(a)", "revert"]);
    const cut = await trial().run([thing("a")], { ...withConfirm, confirm });
    expect(cut.of("a").error!.code).toBe("state/reverted");
  });

  test("without anybody to confirm it, it is made and that is said", async () => {
    expect((await trial().run([thing("a")], withConfirm)).of("a")).toMatchObject({
      result: "changed",
      comment: "created; nothing could confirm that the node is still reached",
    });
  });
});

describe("reports", () => {
  test("a text of several lines is a diff, a short one is what it is", async () => {
    const { run } = trial({ files: { "/f": { contents: "a\nb\n", mode: "0600" } } });
    expect((await run([managed("/f", { contents: "a\nc\n", mode: "0644" })])).of("/f").changes).toEqual({
      contents: { diff: "@@ -1,2 +1,2 @@\n a\n-b\n+c" },
      mode: { from: "0600", to: "0644" },
    });
  });

  test("stays within its bytes: what is in order goes first, then diffs, and what failed stays", async () => {
    const long = Array.from({ length: 150 }, (_, n) => `line ${n} of a long file`).join("\n");
    const tree = Array.from({ length: 3000 }, (_, n) =>
      n % 2 ? managed(`/f${n}`, { contents: `${long}${n}` }) : managed(`/ok${n}`, {}),
    );
    const files = Object.fromEntries(tree.map(({ key }) => [key, ""]));
    const told = await trial({ files }).run([...tree, thing("broken", { breaks: "check" })], plan);
    expect(told.cut).toBe(true);
    expect(Buffer.byteLength(JSON.stringify(told.results))).toBeLessThan(REPORT_BYTES_MAX * 1.3);
    expect(told.brief).not.toHaveProperty("/ok0");
    expect(told.of("broken").result).toBe("failed");
    expect(told.summary).toMatchObject({ total: 3001, ok: 1500, "would-change": 1500, failed: 1 });
  });

  test("progress tells each beginning and end, with its place among all", async () => {
    const told: StepProgress[] = [];
    await trial().run([thing("a"), thing("b")], { onProgress: (step) => void told.push(step) });
    expect(told.map(({ type, index, total }) => [type, index, total])).toEqual([
      ["begin", 0, 2],
      ["end", 0, 2],
      ["begin", 1, 2],
      ["end", 1, 2],
    ]);
  });
});
