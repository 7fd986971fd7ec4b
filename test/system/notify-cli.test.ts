/** An operator writes notifications.ts, has it checked, tries it, and sees what became of it; no new start is needed. */
import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { afterAll, beforeAll, expect, test } from "vitest";

import { Fleet } from "../support/fleet.ts";
import { notificationsOf } from "../support/notify.ts";
import { answer, Receiver } from "../support/receiver.ts";

let fleet: Fleet;
let receiver: Receiver;
beforeAll(async () => {
  [fleet, receiver] = await Promise.all([Fleet.start(), Receiver.start()]);
}, 60_000);
afterAll(async () => {
  await fleet?.[Symbol.asyncDispose]();
  await receiver?.[Symbol.asyncDispose]();
});

const write = (entries: string) =>
  writeFileSync(join(fleet.home, "site", "notifications.ts"), notificationsOf(entries));
const VALUE = "this-is-the-shared-secret";
const secretFile = () => join(fleet.home, "secrets", "hook");

test.each([
  [
    "a kind that is none",
    'ops: { on: "drfit.found", to: TO }',
    /no kind of event is called drfit\.found.*\n.*\n.*Did you mean drift\.found\?/s,
  ],
  [
    "a place that no such event has",
    'ops: { on: "drift.found", text: "{data.expectd}", to: TO }',
    /none of these events has data\.expectd/,
  ],
  [
    "a condition on a place that is none",
    'ops: { on: "job.finished", where: { "data.statusses": 1 }, to: TO }',
    /Did you mean statuses\?/,
  ],
  [
    "a claim as a target",
    'ops: { on: "drift.found", target: "ram>1GiB", to: TO }',
    /which a node claims of itself/,
  ],
  [
    "a token in plain sight",
    'ops: { on: "drift.found", to: ntfy({ topic: "t", token: "tk_1" }) }',
    /token is a secret/,
  ],
  [
    "a token in the clear",
    'ops: { on: "drift.found", to: ntfy({ url: "http://push.example.org", topic: "t", token: secret("file:/x/y") }) }',
    /in the clear/,
  ],
  [
    "a header in an address",
    'ops: { on: "drift.found", to: smtp({ host: "h", from: "a@b", to: "c@d\\nBcc: e@f" }) }',
    /to.* is not a mail address/,
  ],
  ["a brace that is left open", 'ops: { on: "drift.found", title: "{id", to: TO }', /a brace is not closed/],
  [
    "a limit without a time",
    'ops: { on: "drift.found", limit: "30", to: TO }',
    /is not a limit such as 30\/h/,
  ],
])("check finds %s, with file and line", async (_, entries, error) => {
  write(entries.replace("TO", `webhook({ url: "${receiver.url}" })`));
  const { code, stdout } = await fleet.run("check", "--no-types");
  expect(stdout).toMatch(/notifications\.ts:\d+/);
  expect(stdout).toMatch(error);
  expect(code).toBe(2);
});

test("a broken file is told by `notify list` and by an alarm, and the notifiers go on as they were", async () => {
  write(`ops: { on: "token.*", to: webhook({ url: "${receiver.url}" }) }`);
  await fleet.ok("notify", "list");
  write("ops: {");
  const { code, value } = await fleet.json<{ fault: string; notifiers: object[] }>("notify", "list");
  expect(code).toBe(1);
  expect(value.fault).toMatch(/^notifications\.ts:\d+/);
  expect(value.notifiers).toMatchObject([{ name: "ops", state: "ok" }]);
  await fleet.event("master.alarm", ({ data }) => data["what"] === "notifications");
  const before = receiver.received.length;
  await fleet.token();
  await receiver.until(({ length }) => length > before);
});

test("a test of a notifier arrives marked, signed with a secret that nobody else ever sees", async () => {
  mkdirSync(join(fleet.home, "secrets"), { recursive: true });
  writeFileSync(secretFile(), `${VALUE}\n`, { mode: 0o600 });
  chmodSync(join(fleet.home, "secrets"), 0o700);
  write(
    `ops: { on: "token.*", to: webhook({ url: "${receiver.url}", secret: secret("file:${secretFile()}") }) }`,
  );
  const before = receiver.received.length;
  expect(await fleet.ok("notify", "test", "ops")).toMatch(
    /^delivered in \d+ ms: ops, webhook 127\.0\.0\.1:\d+$/m,
  );
  const received = (await receiver.until(({ length }) => length > before))[before]!;
  expect(JSON.parse(received.body)).toMatchObject({ test: true, notifier: "ops" });
  expect(received.headers["boma-signature"]).toMatch(/^t=\d+,v1=/);
  const listed = await fleet.ok("notify", "list", "--json");
  const log = fleet.master.lines.join("\n") + (await fleet.ok("events", "*", "--since", "1h", "--json"));
  expect(listed + log + JSON.stringify(received)).not.toContain(VALUE);
  const unknown = await fleet.run("notify", "test", "opps");
  expect(unknown.stderr).toContain("Did you mean ops?");
  expect(unknown.code).toBe(2);
});

test("what was given up is listed with the reason and sent again on demand", async () => {
  receiver.behave = answer(422);
  await fleet.token();
  interface Dead {
    readonly id: string;
    readonly error: string;
  }
  const dead = async () => (await fleet.json<Dead[]>("notify", "dead")).value;
  await expect.poll(async () => (await dead()).length, { timeout: 45_000 }).toBe(1);
  const [{ id, error }] = (await dead()) as [Dead];
  expect(error).toBe("the receiver answered 422");
  expect(await fleet.ok("notify", "dead")).toContain(id);
  const failing = await fleet.run("notify", "test", "ops");
  expect(failing.stderr).toContain("the receiver answered 422");
  expect(failing.code).toBe(1);
  receiver.behave = answer(200);
  const before = receiver.received.length;
  await fleet.ok("notify", "retry", id);
  const again = (await receiver.until(({ length }) => length > before)).at(-1)!;
  expect(again.headers["boma-delivery"]).toBe(id);
  await expect.poll(async () => (await dead()).length, { timeout: 45_000 }).toBe(0);
  expect((await fleet.run("notify", "retry")).code).toBe(2);
});

test("a secret that is kept for certain nodes is not given to a notifier", async () => {
  writeFileSync(
    join(fleet.home, "secrets.yaml"),
    `rules:\n  - { secrets: "file:*", nodes: "role:db", assurance: boot-token }\n`,
    { mode: 0o600 },
  );
  const { code, stderr } = await fleet.run("notify", "test", "ops");
  expect(stderr).toMatch(/may not have file:/);
  expect(code).toBe(1);
});
