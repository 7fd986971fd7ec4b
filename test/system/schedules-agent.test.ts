// Goal: what a catalog schedules runs on the node by itself, also while the master is away and after the agent was
// killed, and the master hears of all of it.
// Method: a real agent, the shortest interval that there is, and a bus and master that go and come back.
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { Fleet, type ToldEvent } from "../support/fleet.ts";
import type { RunDocument } from "../support/run.ts";

let fleet: Fleet;
beforeAll(async () => {
  fleet = await Fleet.start();
  await fleet.agent("box", { env: "dev", unconfined: true });
});
afterAll(() => fleet?.[Symbol.asyncDispose]());

const path = (name: string): string => join(fleet.dir, name);
const linesOf = (name: string): number => {
  try {
    return readFileSync(path(name), "utf8").split("\n").length - 1;
  } catch {
    return 0;
  }
};

function site(...declarations: readonly string[]): void {
  const write = (name: string, text: string): void => {
    const file = join(fleet.home, "site", name);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text);
  };
  write("top.ts", 'import { top } from "@boma/states";\nexport default top({ "*": ["base"] });\n');
  const body = declarations.map((one) => `  ${one},\n`).join("");
  write(
    "states/base.ts",
    `import { file, schedule, tree } from "@boma/states";\nexport default tree(() => [\n${body}]);\n`,
  );
}

const often = (): string =>
  `schedule.job("often", { function: "cmd.run", args: { command: ["echo ran >> ${path("often")}"], shell: true }, every: "10s" })`;

interface Listed {
  readonly name: string;
  readonly nextDue?: string;
  readonly missed: number;
  readonly lastRun?: { readonly status: string };
}
type Returned<T> = RunDocument & { readonly nodes: Readonly<Record<string, { readonly return: T }>> };
const listed = async (): Promise<readonly Listed[]> =>
  (await fleet.json<Returned<Listed[]>>("run", "box", "schedule.list")).value.nodes["box"]!.return;

const ran = (after: number): Promise<ToldEvent> =>
  fleet.event("schedule.ran", ({ sequence, data }) => data["schedule"] === "often" && sequence > after);

describe("a schedule", () => {
  test("runs by itself once it is declared, is told, and is listed with its next time", async () => {
    site(often());
    await fleet.ok("run", "box", "state.apply");
    const told = await ran(0);
    expect(told).toMatchObject({ id: "box", data: { function: "cmd.run", status: "ok" } });
    expect(linesOf("often")).toBeGreaterThan(0);
    const [one] = await listed();
    expect(one).toMatchObject({ name: "often", lastRun: { status: "ok" } });
    expect(Date.parse(one!.nextDue!)).toBeGreaterThan(told.at - 10_000);
  });

  test("runs while the master and the bus are away, and what it did is told when they are back", async () => {
    const { sequence } = await ran(0);
    await fleet.master.stop();
    const before = linesOf("often");
    await expect.poll(() => linesOf("often"), { timeout: 60_000 }).toBeGreaterThan(before + 1);
    const back = Date.now();
    await fleet.serve();
    const told = await fleet.event(
      "schedule.ran",
      (one) =>
        one.sequence > sequence && one.data["schedule"] === "often" && Number(one.data["startedAt"]) < back,
    );
    expect(told.data["status"]).toBe("ok");
  });

  test("goes on after the agent was killed, and what was missed meanwhile is told", async () => {
    await ran(0);
    await fleet.agents.get("box")!.stop("SIGKILL");
    const file = join(fleet.dir, "box/boma/agent/schedules.json");
    // As if it had been down for an hour: nobody waits that long.
    const records = JSON.parse(readFileSync(file, "utf8")) as Record<
      string,
      { dealtWith: number; ranAt: number }
    >;
    const hour = 3_600_000;
    for (const record of Object.values(records)) {
      record.dealtWith -= hour;
      record.ranAt -= hour;
    }
    writeFileSync(file, JSON.stringify(records));
    const before = linesOf("often");
    await fleet.restart("box", { unconfined: true });
    const missed = await fleet.event("schedule.missed", ({ data }) => Number(data["count"]) > 300);
    expect(missed.data).toMatchObject({ schedule: "often", why: "agent-down", madeUp: false });
    await expect.poll(() => linesOf("often"), { timeout: 60_000 }).toBeGreaterThan(before);
  });

  test("runs when it is asked to, and ends with the catalog that does not name it any more", async () => {
    const { value } = await fleet.json<Returned<{ status: string }>>("run", "box", "schedule.run", "often");
    expect(value.nodes["box"]).toMatchObject({ status: "ok", return: { schedule: "often", status: "ok" } });
    site(`file.managed("${path("motd")}", { contents: "hi\\n" })`);
    await fleet.ok("run", "box", "state.apply");
    expect(await listed()).toEqual([]);
    const gone = await fleet.run("run", "box", "schedule.run", "often");
    expect({ code: gone.code, out: gone.stdout }).toEqual({
      code: 1,
      out: expect.stringContaining("no schedule often"),
    });
  });

  test("applies the catalog that the node has", async () => {
    site(
      `file.managed("${path("motd")}", { contents: "hi\\n" })`,
      'schedule.job("nightly", { function: "state.apply", cron: "30 2 * * *", zone: "Europe/Vienna" })',
    );
    await fleet.ok("run", "box", "state.apply");
    writeFileSync(path("motd"), "somebody was here\n");
    const { value } = await fleet.json<Returned<unknown>>("run", "box", "schedule.run", "nightly");
    expect(value.nodes["box"]).toMatchObject({
      status: "changed",
      return: { comment: expect.stringContaining("1 changed") },
    });
    expect(readFileSync(path("motd"), "utf8")).toBe("hi\n");
  });
});

test.each([
  [
    "an unknown function",
    '{ function: "state.aply", every: "1h" }',
    "there is no function state.aply; did you mean `state.apply`?",
  ],
  [
    "arguments that it does not take",
    '{ function: "test.sleep", args: { secs: 1 }, every: "1h" }',
    "test.sleep cannot take these arguments",
  ],
  [
    "a day that never is",
    '{ function: "test.ping", cron: "0 0 31 2 *" }',
    "no year has such a day: 31 in feb",
  ],
  [
    "a zone that is none",
    '{ function: "test.ping", cron: "@daily", zone: "Europe/Viena" }',
    "the name of a time zone",
  ],
  [
    "two times",
    '{ function: "test.ping", cron: "@daily", every: "1h" }',
    "say when, by one of `cron`, `every` and `atBoot`",
  ],
  [
    "a time outside of its window",
    '{ function: "test.ping", cron: "0 12 * * *", window: { from: "22:00", to: "06:00" } }',
    "no time within the window",
  ],
  [
    "less than the shortest interval",
    '{ function: "test.ping", every: "1s" }',
    "a duration from `10s` to `31d`",
  ],
  [
    "some trees of a catalog",
    '{ function: "state.apply", args: { trees: ["a"] }, every: "1h" }',
    "is run whole: state.apply takes no `trees`",
  ],
])("%s is found where the site is compiled, before anything is sent", async (_what, says, why) => {
  site(`schedule.job("wrong", ${says})`);
  const { code, stderr } = await fleet.run("run", "box", "state.apply");
  expect({ code, stderr }).toEqual({ code: 2, stderr: expect.stringContaining(why) });
  expect(stderr).toContain("states/base.ts:3");
});
