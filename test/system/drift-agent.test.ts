/**
 * Goal: a node that is not as its catalog says tells so by itself, within seconds and
 * also while the master is away, and puts right what it was told to put right.
 * Method: a real master with a site, real agents confined below a root, files that are changed by hand.
 */
import { chmodSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

import { afterAll, beforeAll, expect, test } from "vitest";

import { Fleet } from "../support/fleet.ts";
import type { RunDocument } from "../support/run.ts";

let fleet: Fleet;
beforeAll(async () => {
  fleet = await Fleet.start();
  await fleet.agent("web01", { env: "dev" });
});
afterAll(() => fleet?.[Symbol.asyncDispose]());

const onNode = (path: string): string => join(fleet.dir, "web01", path);
const write = (path: string, text: string): void => {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
};
const read = (path: string): string => readFileSync(onNode(path), "utf8");

const SECRET = "tr0ub4dor-and-three";
const TOP = 'import { top } from "@boma/states";\nexport default top({ "*": "a" });\n';
const tree = (...declarations: readonly string[]): string =>
  `import { agent, file, secret, tree } from "@boma/states";
const etc = file.directory("/etc");
export default tree(() => [etc, ${declarations.join(", ")}]);
`;
const managed = (path: string, contents: string, options = ""): string =>
  `file.managed("${path}", { contents: ${contents}, require: etc${options} })`;

async function apply(...declarations: readonly string[]): Promise<void> {
  write(join(fleet.home, "site/top.ts"), TOP);
  write(join(fleet.home, "site/states/a.ts"), tree(...declarations));
  const { value } = await fleet.json<RunDocument>("run", "web01", "state.apply");
  expect(value.nodes["web01"]!.status, JSON.stringify(value)).toMatch(/ok|changed/);
}
/** The first such event, or the one of that number. */
const drift = (kind: string, resource: string, number = 1) => {
  let seen = 0;
  return fleet.event(
    `drift.${kind}`,
    ({ data }) => data["resource"] === `file.managed(${resource})` && ++seen === number,
  );
};
const returned = async (...words: readonly string[]): Promise<unknown> => {
  const { value } = await fleet.json<RunDocument>("run", "web01", ...words);
  return value.nodes["web01"]!.return;
};

test("a file that is changed by hand is an event with what differs, and another one when it is so again", async () => {
  await apply(managed("/etc/motd", '"welcome\\n"'));
  // The look that follows a first apply could find by its schedule what a beacon is to find here.
  await fleet.event("drift.checked");
  write(onNode("etc/motd"), "by hand\n");
  expect(await drift("found", "/etc/motd")).toMatchObject({
    id: "web01",
    data: {
      mode: "observe",
      trigger: "beacon",
      sinceBy: "change",
      changes: { contents: { diff: expect.stringContaining("-by hand\n+welcome") } },
    },
  });
  expect(read("etc/motd")).toBe("by hand\n");
  await apply(managed("/etc/motd", '"welcome\\n"'));
  expect(await drift("healed", "/etc/motd")).toMatchObject({ data: { by: "job" } });
});

test("what is enforced is put right, until somebody undoes it a third time", async () => {
  await apply(managed("/etc/issue", '"boma\\n"', ', drift: "enforce"'));
  for (let time = 1; time <= 3; time++) {
    write(onNode("etc/issue"), `by hand ${time}\n`);
    // Not as soon as the file says so: what is undone before the agent has looked at it again was never put right.
    await drift("healed", "/etc/issue", time);
    expect(read("etc/issue")).toBe("boma\n");
  }
  expect(await drift("loop", "/etc/issue")).toMatchObject({ data: { reverts: 3, withinMs: 3_600_000 } });
  write(onNode("etc/issue"), "by hand again\n");
  await fleet.event("drift.found", ({ data }) => JSON.stringify(data["changes"]).includes("by hand again"));
  expect(read("etc/issue")).toBe("by hand again\n");
  expect(await returned("drift.status")).toMatchObject({
    stopped: [{ resource: "file.managed(/etc/issue)" }],
  });
  expect(await returned("drift.reset")).toEqual({ resumed: ["file.managed(/etc/issue)"] });
  await expect.poll(() => read("etc/issue"), { timeout: 20_000 }).toBe("boma\n");
});

test("what is asked says what differs and changes nothing", async () => {
  await apply(
    managed("/etc/asked", '"boma\\n"', ', drift: { handsOff: "2100-01-01" }'),
    managed("/etc/other", '"boma\\n"'),
  );
  write(onNode("etc/asked"), "by hand\n");
  write(onNode("etc/other"), "by hand\n");
  expect(await returned("drift.check")).toMatchObject({
    drifted: [{ resource: "file.managed(/etc/other)", changes: { contents: expect.anything() } }],
  });
  const { value } = await fleet.json<RunDocument>("run", "web01", "drift.check", "file.managed(/etc/othr)");
  expect(value.nodes["web01"]!.error).toMatchObject({
    code: "state/reference",
    hint: expect.stringContaining("other"),
  });
});

test("the catalog lies on the node without a secret in the clear, and for nobody else to read", async () => {
  write(join(fleet.home, "secrets/db-password"), SECRET);
  chmodSync(join(fleet.home, "secrets/db-password"), 0o600);
  await apply(
    managed("/etc/db", `secret("file:${join(fleet.home, "secrets/db-password")}")`, ', mode: "0600"'),
  );
  const kept = onNode("boma/agent/drift");
  for (const name of readdirSync(kept)) {
    expect(readFileSync(join(kept, name)).includes(SECRET), name).toBe(false);
    expect(statSync(join(kept, name)).mode & 0o077, name).toBe(0);
  }
  write(onNode("etc/db"), "by hand\n");
  expect(JSON.stringify(await drift("found", "/etc/db"))).not.toContain(SECRET);
});

test("drift that happens while the master is away is put right then and told later, also by an agent that was killed", async () => {
  await apply(managed("/etc/away", '"boma\\n"', ', drift: "enforce"'));
  await fleet.master.stop();
  write(onNode("etc/away"), "while away\n");
  await expect.poll(() => read("etc/away"), { timeout: 20_000 }).toBe("boma\n");
  const agent = fleet.agents.get("web01")!;
  await agent.stop("SIGKILL");
  await fleet.serve();
  await fleet.restart("web01");
  expect(await drift("found", "/etc/away")).toMatchObject({ data: { mode: "enforce" } });
  expect(await drift("healed", "/etc/away")).toMatchObject({ data: { by: "boma" } });
});

test("after new keys of the node the catalog is the node's still", async () => {
  await apply(managed("/etc/keys", '"boma\\n"'));
  await fleet.ok("rekey", "web01");
  await fleet.event("node.rekeyed", ({ id }) => id === "web01");
  write(onNode("etc/keys"), "by hand\n");
  expect(await drift("found", "/etc/keys")).toMatchObject({ data: { mode: "observe" } });
  expect(await returned("drift.status")).toMatchObject({ problem: null });
});
