/**
 * Goal: a master that is copied while it works is put back on an empty disk, and its fleet follows without enrolling
 * anew; what happened between the copy and the disaster ends in order; nothing half done serves.
 * Method: the real master with its own nats-server, real agents that are told nothing, files that are cut and changed.
 */
import { existsSync, mkdirSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { describe, expect, test } from "vitest";

import { Fleet, type ToldEvent } from "../support/fleet.ts";
import { Gate } from "../support/gate.ts";
import { answers, LivingFleet, POLL } from "../support/living-fleet.ts";
import { nameOf, serverPrograms } from "../support/nats.ts";
import { type Failure, run, type RunDocument } from "../support/run.ts";

const NODES = 50;

function writeSite({ home }: Fleet): void {
  mkdirSync(join(home, "site"), { recursive: true });
  writeFileSync(
    join(home, "site/top.ts"),
    `import { file, top, tree } from "@boma/states";
export default top({ "*": [tree(() => [file.managed("/motd", { contents: "hello\\n" })])] });
`,
  );
}

/** The machine burns down: what is left is the file, and what nodes remember. */
async function lose(fleet: Fleet): Promise<void> {
  await fleet.master.stop("SIGKILL");
  rmSync(fleet.home, { recursive: true });
}

describe.each(serverPrograms.map((program) => [nameOf(program), program.path] as const))(
  "on %s",
  (_name, program) => {
    test("a master that was copied at work is put back on an empty disk: nodes follow, and what was revoked, assigned, recorded and told is as it was", async () => {
      await using fleet = await Fleet.start({ program });
      const file = join(fleet.dir, "boma.tar");
      const living = await LivingFleet.begin(fleet);
      const site = readFileSync(join(fleet.home, "site/top.ts"), "utf8");

      const made = await fleet.json<{ bytes: number; parts: { name: string }[]; hasRootKey: boolean }>(
        "backup",
        "--out",
        file,
      );
      expect(made).toMatchObject({ code: 0, value: { hasRootKey: false } });
      expect(statSync(file).mode & 0o777).toBe(0o600);
      expect(statSync(file).size).toBe(made.value.bytes);
      expect(existsSync(`${file}.partial`)).toBe(false);
      // It happens after the copy: the node has done it, and the master that comes back knows nothing of it.
      const after = await run(fleet, "web-01", "test.ping");
      expect(after.value.nodes["web-01"]!.status).toBe("ok");
      await lose(fleet);

      const restored = await fleet.json<{ streams: string[] }>("restore", file);
      expect(restored).toMatchObject({
        code: 0,
        value: { streams: expect.arrayContaining(["RECORDS", "JOBS"]) as string[] },
      });
      expect(existsSync(join(fleet.home, "restoring"))).toBe(false);
      await fleet.serve();
      await living.isWhole();
      expect(readFileSync(join(fleet.home, "site/top.ts"), "utf8")).toBe(site);
      expect((await fleet.run("jobs", "show", after.value.job)).code).not.toBe(0);
      expect(await fleet.ok("audit", "show")).toMatch(/recovered .*backup/);
      const refused = await fleet.restart("gone", { waitFor: /denied by the master|the token was refused/ });
      await refused.stop();
      await fleet.agent("web-03", { env: "dev" });
      expect(await answers(fleet)).toBe(0);
    });
  },
);

test("a job that was under way when the copy was made, and ended after it, ends once more from what its node remembers", async () => {
  await using fleet = await Fleet.start();
  const file = join(fleet.dir, "boma.tar");
  const [gate, log] = [new Gate(join(fleet.dir, "go")), join(fleet.dir, "log")];
  await fleet.agent("web-01", { env: "dev", unconfined: true });
  const command = `echo begun | tee -a ${log}; ${gate.wait}; echo ended`;
  const asked = ["run", "web-01", "cmd.run", command, "shell=true", "--async"] as const;
  const { job } = (await fleet.json<{ job: string }>(...asked)).value;
  await fleet.event("job.line", (event) => event.job === job);
  await fleet.ok("backup", "--out", file);
  await gate.open();
  const first = await fleet.event("job.returned", (event) => event.job === job);
  await lose(fleet);
  await fleet.ok("restore", file);
  await fleet.serve();
  const second = await fleet.event("job.returned", (event) => event.job === job);
  // The same return, word for word: it did not run again.
  expect(second.data).toEqual(first.data);
  expect(readFileSync(log, "utf8")).toBe("begun\n");
  expect((await fleet.run("audit", "verify")).code).toBe(0);
});

test("a master that is copied in the middle of much work knows of each job all or nothing, and nothing twice", async () => {
  await using fleet = await Fleet.start();
  const file = join(fleet.dir, "boma.tar");
  writeSite(fleet);
  await fleet.emulate(NODES, "node");
  let copying = true;
  const work = ["state.apply", "state.apply", "test.ping"].map(async (name) => {
    while (copying) expect(await run(fleet, "*", name)).toMatchObject({ code: 0 });
  });
  await fleet.event("job.finished");
  await fleet.ok("backup", "--out", file);
  copying = false;
  await Promise.all(work);
  await lose(fleet);
  await fleet.ok("restore", file);
  await fleet.serve();
  await expect.poll(() => answers(fleet), POLL).toBe(0);
  const list = async () =>
    (await fleet.json<{ job: string; state: string; function: string }[]>("jobs", "list", "--limit", "1000"))
      .value;
  await expect.poll(async () => (await list()).filter(({ state }) => state === "open"), POLL).toEqual([]);
  const jobs = await list();
  expect(jobs.length).toBeGreaterThan(3);
  const told = (await fleet.json<ToldEvent[]>("events", "job.*", "--since", "1h")).value;
  for (const { job, function: name } of jobs) {
    const { nodes } = (await fleet.json<RunDocument>("jobs", "show", job)).value;
    expect(Object.keys(nodes)).toHaveLength(NODES);
    // What a read would have answered before the disaster is nobody's to say again.
    const ends = name === "test.ping" ? /ok|timeout/ : /ok|changed/;
    for (const { status } of Object.values(nodes)) expect(status).toMatch(ends);
    const of = (kind: string) => told.filter((event) => event.job === job && event.kind === kind);
    expect(of("job.finished")).toHaveLength(1);
    const returned = of("job.returned").map(({ id }) => id);
    expect(new Set(returned).size).toBe(returned.length);
  }
  expect((await fleet.run("audit", "verify")).code).toBe(0);
});

test("a master whose working key was rotated after the copy is followed when it is put back with the root key", async () => {
  await using fleet = await Fleet.start();
  const file = join(fleet.dir, "boma.tar");
  const root = join(fleet.dir, "root.json");
  await fleet.agent("web-01", { env: "dev" });
  await fleet.ok("backup", "--out", file);
  writeFileSync(root, readFileSync(join(fleet.home, "master/keys/root.json")), { mode: 0o600 });
  await fleet.ok("rekey");
  await expect.poll(() => answers(fleet), POLL).toBe(0);
  await lose(fleet);
  const restored = await fleet.json<{ serial: number }>("restore", file, "--root-key", root);
  expect(restored.value.serial).toBeGreaterThan(2);
  await fleet.serve();
  await expect.poll(() => answers(fleet), POLL).toBe(0);
});

test("a copy of a stopped master is as good; the root key is in it where that was asked for", async () => {
  await using fleet = await Fleet.start();
  const file = join(fleet.dir, "boma.tar");
  await fleet.agent("web-01", { env: "dev" });
  await fleet.master.stop();
  await fleet.ok("backup", "--out", file, "--root-key");
  const again = await fleet.json<Failure>("backup", "--out", file);
  expect(again).toMatchObject({ code: 2, value: { error: { code: "usage/file" } } });
  rmSync(fleet.home, { recursive: true });
  await fleet.ok("restore", file);
  expect(existsSync(join(fleet.home, "master/keys/root.json"))).toBe(true);
  await fleet.serve();
  await expect.poll(() => answers(fleet), POLL).toBe(0);
});

test("what is not whole, or has no room, is refused before anything is put in place; a witness elsewhere shows the gap", async () => {
  await using fleet = await Fleet.start();
  const file = join(fleet.dir, "boma.tar");
  const witness = join(fleet.dir, "heads.jsonl");
  await fleet.agent("web-01", { env: "dev" });
  await fleet.ok("backup", "--out", file);
  const whole = readFileSync(file);
  await expect(fleet.json<Failure>("restore", file)).resolves.toMatchObject({
    code: 2,
    value: {
      error: { code: "home/exists", message: expect.stringContaining(join(fleet.home, "master")) as string },
    },
  });
  expect(await answers(fleet)).toBe(0);
  // Signed heads are kept elsewhere too, as they should be.
  await fleet.master.stop();
  writeFileSync(witness, readFileSync(join(fleet.home, "master/audit/heads.jsonl")));
  rmSync(fleet.home, { recursive: true });

  const changed = Buffer.from(whole);
  changed[whole.indexOf("streams/RECORDS") + 512 + 100]! ^= 1;
  writeFileSync(file, changed);
  const damaged = await fleet.json<Failure>("restore", file);
  expect(damaged).toMatchObject({ code: 2, value: { error: { code: "backup/damaged" } } });
  expect(damaged.value.error.message).toContain("streams/RECORDS");
  writeFileSync(file, whole);
  truncateSync(file, whole.length - 4096);
  expect(await fleet.json<Failure>("restore", file)).toMatchObject({
    code: 2,
    value: { error: { code: "backup/damaged" } },
  });
  expect(existsSync(fleet.home)).toBe(false);

  writeFileSync(file, whole);
  await fleet.ok("restore", file);
  await fleet.serve();
  const verified = await fleet.run("audit", "verify", "--witness", witness);
  expect(verified.code).toBe(1);
  expect(verified.stdout + verified.stderr).toContain(witness);
});

test("a restore that is killed leaves nothing that serves, and the same command completes it", async () => {
  await using fleet = await Fleet.start();
  const file = join(fleet.dir, "boma.tar");
  await fleet.agent("web-01", { env: "dev" });
  await fleet.ok("backup", "--out", file);
  await lose(fleet);
  const killed = fleet.spawn("restore", file);
  await expect
    .poll(() => existsSync(join(fleet.home, "restoring/home/master/bus/server.conf")), {
      timeout: 60_000,
      interval: 5,
    })
    .toBe(true);
  await killed.stop("SIGKILL");
  expect(existsSync(join(fleet.home, "master"))).toBe(false);
  expect(await fleet.json<Failure>("serve", "--listen", "127.0.0.1:0")).toMatchObject({
    code: 2,
    value: { error: { code: "backup/unfinished" } },
  });
  await expect.poll(async () => (await fleet.run("restore", file)).code, POLL).toBe(0);
  await fleet.serve();
  await expect.poll(() => answers(fleet), POLL).toBe(0);
});
