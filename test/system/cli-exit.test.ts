/** Exit codes, one by one, and the document that goes with each. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";

import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { Fleet } from "../support/fleet.ts";
import { type Failure, run } from "../support/run.ts";

let fleet: Fleet;
beforeAll(async () => {
  fleet = await Fleet.start();
  await fleet.emulate(2, "n");
});
afterAll(() => fleet?.[Symbol.asyncDispose]());

/** Ends so in text as in JSON, where stdout is one document and nothing else. */
async function fails(exit: number, code: string, ...args: readonly string[]): Promise<Failure["error"]> {
  const plain = await fleet.run(...args);
  expect({ args, code: plain.code, stdout: plain.stdout }).toEqual({ args, code: exit, stdout: "" });
  expect(plain.stderr).toContain(`error[${code}]: `);
  const json = await fleet.json<Failure>(...args);
  expect(json).toMatchObject({ code: exit, value: { ok: false, error: { code } } });
  const { error } = json.value;
  expect(error.message).not.toBe("");
  expect(error.hint).not.toBe("");
  return error;
}

describe("0, all as wished", () => {
  test("a run where every node is ok", async () => {
    expect(await run(fleet, "*", "test.ping")).toMatchObject({ code: 0, value: { ok: true } });
  });
  test("an empty match where it was allowed", async () => {
    const { code, value } = await run(fleet, "nobody", "test.ping", "--allow-empty");
    expect({ code, value }).toMatchObject({ code: 0, value: { ok: true, expected: [], nodes: {} } });
    expect(await fleet.run("run", "nobody", "test.ping", "--allow-empty")).toMatchObject({ code: 0 });
    const target = await fleet.json("target", "nobody", "--allow-empty");
    expect(target).toEqual({ code: 0, value: { matched: [], unknown: [] } });
  });
});

describe("1, some node failed", () => {
  test("a node that refuses", async () => {
    const { code, value } = await run(fleet, "n-0001", "cmd.run", "true");
    expect({ code, value }).toMatchObject({ code: 1, value: { ok: false, summary: { refused: 1 } } });
  });
  test("a mailbox that is full names the node, and the others are not held back", async () => {
    await fleet.agents.get("n")!.stop();
    try {
      await Promise.all(
        Array.from({ length: 32 }, () => fleet.run("run", "n-0001", "cmd.run", "true", "--async")),
      );
      const { code, value } = await run(fleet, "*", "cmd.run", "true");
      expect(code).toBe(1);
      expect(value.nodes).toMatchObject({
        "n-0001": { status: "failed", error: { code: "job/mailbox-full" } },
        "n-0002": { status: "queued" },
      });
    } finally {
      await fleet
        .json<{ job: string }[]>("jobs", "list", "--limit", "100")
        .then(({ value }) => Promise.all(value.map(({ job }) => fleet.run("jobs", "cancel", job))));
    }
  });
});

describe("2, nothing was sent", () => {
  const cases: readonly (readonly [string, string, readonly string[], RegExp])[] = [
    ["missing arguments", "usage/argument", ["run"], /missing required argument 'target'/],
    ["an unknown command", "usage/argument", ["rnu"], /unknown command 'rnu'/],
    ["an unknown option", "usage/argument", ["run", "*", "test.ping", "--tset"], /unknown option '--tset'/],
    [
      "an unknown function",
      "function/unknown",
      ["run", "*", "tset.ping"],
      /no function and no state "tset.ping"/,
    ],
    ["an unknown argument", "function/arguments", ["run", "*", "test.ping", "x=1"], /no argument `x`/],
    ["a missing argument", "function/arguments", ["run", "*", "test.echo"], /text/],
    ["a value of another kind", "function/arguments", ["run", "*", "test.sleep", "long"], /seconds/],
    ["a target that cannot be read", "target/syntax", ["run", "env:dev and (", "test.ping"], /\n {2,}\^$/m],
    ["a batch of nothing", "usage/argument", ["run", "*", "test.ping", "--batch", "0"], /--batch 0/],
    [
      "a share above all",
      "usage/argument",
      ["run", "*", "test.ping", "--max-fail", "101%"],
      /--max-fail 101%/,
    ],
    ["a time without a unit known", "usage/argument", ["run", "*", "test.ping", "--timeout", "5y"], /"5y"/],
    ["a job id of another form", "job/unknown", ["jobs", "show", "x"], /"x" is not a job id/],
    [
      "a job that never was",
      "job/unknown",
      ["jobs", "attach", "01K8Z3V6Q4T0C7M2N9X5B1HREA"],
      /there is no job/,
    ],
    ["a kind of event that is none", "usage/argument", ["events", "job.retruned"], /no kind of event fits/],
    ["a limit that is no number", "usage/argument", ["jobs", "list", "--limit", "all"], /--limit all/],
    [
      "a file that is not there",
      "usage/file",
      ["target", "*", "--inventory", "/no/such/file"],
      /no\/such\/file/,
    ],
  ];
  test.each(cases)("%s", async (_title, code, args, message) => {
    expect((await fails(2, code, ...args)).message).toMatch(message);
  });

  test("arguments that exceed what a job may carry", async () => {
    const error = await fails(2, "job/too-large", "run", "*", "test.echo", "x".repeat(70_000));
    expect(error.message).toContain("65536");
  });
  test("a slip of the pen is told what was probably meant", async () => {
    const hints = [
      [["rnu"], "Did you mean run?"],
      [["jobs", "lst"], "Did you mean list?"],
      [["run", "*", "tset.ping"], "Did you mean test.ping?"],
      [["run", "*", "cmd.run", "true", "shel=true"], "Did you mean `shell`?"],
      [["run", "*", "test.ping", "--tset"], "Did you mean --test?"],
      [["events", "job.retruned"], "Did you mean job.returned?"],
    ] as const;
    for (const [args, hint] of hints) expect((await fleet.run(...args)).stderr).toContain(hint);
  });
  test("also when no master could be asked: it goes before 3", async () => {
    const dead = ["--operator", "/no/such/operator.json"] as const;
    for (const args of [
      ["run", "*", "tset.ping"],
      ["run", "env:", "test.ping"],
      ["target", "env:dev and ("],
      ["events", "nothing.*"],
    ])
      expect((await fleet.run(...args, ...dead)).stderr).not.toContain("operator/missing");
  });
});

describe("4, no node matched", () => {
  test("a run and a target that mean nobody", async () => {
    await fails(4, "target/no-match", "run", "env:prod", "test.ping");
    expect(await fleet.run("target", "env:prod")).toMatchObject({ code: 4, stdout: "" });
    expect(await fleet.json("target", "env:prod")).toEqual({ code: 4, value: { matched: [], unknown: [] } });
  });
});

describe("5, timeout or incomplete; and 1 goes before it", () => {
  test("a node that is too slow", async () => {
    await fleet.emulate(1, "slow");
    const { code, value } = await run(fleet, "slow-0001", "test.sleep", "60", "--timeout", "300ms");
    expect({ code, value }).toMatchObject({ code: 5, value: { ok: false, summary: { timeout: 1 } } });
  });
  test("nodes that are away, beside one that refuses", async () => {
    expect(await run(fleet, "n-*", "test.ping")).toMatchObject({
      code: 5,
      value: { summary: { offline: 2 } },
    });
    const { code, value } = await run(fleet, "n-0002 or slow-0001", "cmd.run", "true");
    expect({ code, value }).toMatchObject({ code: 1, value: { summary: { queued: 1, refused: 1 } } });
  });
});

describe("without a master, from a file", () => {
  const inventory = () => {
    const file = join(fleet.dir, "inventory.json");
    const nodes = {
      "web-01": { grains: { os: "Debian", ram: 8589934592 }, assigned: { env: "dev" } },
      "web-02": { assigned: { env: "dev" } },
      "db-01": { grains: { os: "Ubuntu" }, assigned: { env: "prod" } },
    };
    writeFileSync(file, JSON.stringify({ nodes, nodegroups: { web: "web-*" } }));
    return file;
  };
  test("a target prints whom it means, and of whom it cannot tell", async () => {
    const words = ["target", "env:dev and ram>=4GiB", "--inventory", inventory()] as const;
    expect(await fleet.json(...words)).toEqual({
      code: 0,
      value: { matched: ["web-01"], unknown: ["web-02"] },
    });
    expect(await fleet.run(...words)).toMatchObject({ code: 0, stdout: "web-01\n" });
    const group = await fleet.json("target", "N@web and not web-02", "--inventory", inventory());
    expect(group).toEqual({ code: 0, value: { matched: ["web-01"], unknown: [] } });
  });
  test("a target that means nobody ends with 4, and one that cannot be read with 2", async () => {
    const none = await fleet.json("target", "env:stage", "--inventory", inventory());
    expect(none).toEqual({ code: 4, value: { matched: [], unknown: [] } });
    await fails(2, "target/syntax", "target", "env:dev and", "--inventory", inventory());
  });
});

describe("3, no master or no bus", () => {
  // The last of this file: from here on there is no master.
  test("a bus without a master, and then no bus at all", async () => {
    fleet.master.signal("SIGSTOP");
    try {
      await fails(3, "master/unreachable", "status");
    } finally {
      fleet.master.signal("SIGCONT");
    }
    await fleet.master.stop();
    await fails(3, "bus/unreachable", "run", "*", "test.ping");
    await fails(3, "bus/unreachable", "jobs", "list");
    const doctor = await fleet.json<{ ok: boolean; findings: { what: string; ok: boolean }[] }>("doctor");
    expect(doctor.code).toBe(1);
    expect(doctor.value.findings.find(({ what }) => what === "bus")).toMatchObject({ ok: false });
  });
});
