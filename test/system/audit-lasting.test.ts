/** The audit over a long time: old segments go, a chain that was cut is told of, and a full disk at the start is no end. */
import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { afterAll, beforeAll, expect, test } from "vitest";

import { Fleet } from "../support/fleet.ts";
import { jobOf, run, type RunDocument } from "../support/run.ts";

let fleet: Fleet;
beforeAll(async () => {
  fleet = await Fleet.start();
  await fleet.emulate(3, "n");
});
afterAll(() => fleet?.[Symbol.asyncDispose]());

/** So many commands at once. */
const PINGS = [1, 2, 3, 4];

interface Status {
  readonly ok: boolean;
  readonly last: number;
  readonly lacking?: string;
  readonly trouble?: string;
  readonly copy: { readonly copied: number };
}
interface Verified {
  readonly ok: boolean;
  readonly first: number;
  readonly last: number;
  readonly compared: number;
  readonly faults: readonly { readonly what: string }[];
}

const dir = () => join(fleet.home, "master/audit");
const segments = () => readdirSync(dir()).filter((name) => /^\d+\.jsonl$/.test(name));
const status = async () => (await fleet.json<Status>("audit", "status")).value;
const verified = async () => (await fleet.json<Verified>("audit", "verify")).value;

async function restart(...args: string[]): Promise<void> {
  await fleet.master.stop();
  await fleet.serve(...args);
}

test("what is more than may be kept goes from the disk and from the stream, and the rest still holds", async () => {
  await restart("--audit-size", "32KiB");
  const first = async () => (await verified()).first;
  await expect
    .poll(async () => (await Promise.all(PINGS.map(() => run(fleet, "*", "test.ping"))), first()), {
      timeout: 120_000,
    })
    .toBeGreaterThan(20);
  const behind = async () => (({ copy, last }) => ({ ...copy, behind: last - copy.copied }))(await status());
  await expect.poll(behind, { timeout: 20_000 }).toMatchObject({ behind: 0 });
  const now = await verified();
  expect(now.faults).toEqual([]);
  expect(segments()[0]).not.toBe("00000001.jsonl");
  const copiedOnly = async () => ((held) => held.compared - (held.last - held.first + 1))(await verified());
  await expect.poll(copiedOnly, { timeout: 20_000 }).toBe(0);
  await restart();
  expect(await verified()).toMatchObject({ ok: true, faults: [] });
}, 180_000);

/** Nobody can write into it, whoever runs the test. */
function freeze(path: string): () => void {
  const isRoot = process.getuid?.() === 0;
  const set = (word: string, mode: string) =>
    isRoot ? execFileSync("chattr", [word, path]) : execFileSync("chmod", [mode, path]);
  set("+i", "0400");
  return () => set("-i", "0600");
}

test("a master starts with a disk that takes no record, answers who reads, and takes up its work when it can", async () => {
  const agents = fleet.agents.get("n")!;
  agents.signal("SIGSTOP");
  // A change: what only reads does not wait for nodes that come back late.
  const asking = fleet.spawn("run", "*", "file.managed", "/frozen", "contents=x");
  const job = await jobOf(asking);
  const entries = async () => (await fleet.json<{ kind: string }[]>("audit", "show", "--job", job)).value;
  const counted = async (kind: string) => (await entries()).filter((entry) => entry.kind === kind).length;
  // What cannot be recorded is not sent: the orders have to be on their way.
  await expect.poll(() => counted("sent"), { timeout: 30_000 }).toBe(3);
  const path = join(dir(), segments().at(-1)!);
  execFileSync("prlimit", ["--pid", String(fleet.master.pid), `--fsize=${statSync(path).size}:unlimited`]);
  agents.signal("SIGCONT");
  // The first return is in the store now, and not in the audit.
  await fleet.event("master.alarm", ({ data }) => String(data["message"]).includes("cannot be written"));
  fleet.master.signal("SIGKILL");
  await fleet.master.ended;
  await asking.stop();
  const thaw = freeze(path);
  try {
    await fleet.serve();
    expect((await fleet.run("nodes")).code).toBe(0);
    const refused = await fleet.json<{ error: { code: string } }>("token", "create");
    expect(refused.value.error.code).toBe("audit/unwritable");
    expect(await status()).toMatchObject({ ok: false, trouble: expect.any(String) as string });
  } finally {
    thaw();
  }
  const shown = async () => (await fleet.json<RunDocument>("jobs", "show", job)).value;
  await expect.poll(async () => (await shown()).summary, { timeout: 60_000 }).toEqual({ changed: 3 });
  await expect.poll(() => counted("finished"), { timeout: 30_000 }).toBe(1);
  expect(await counted("result")).toBe(3);
  expect(await verified()).toMatchObject({ ok: true, faults: [] });
}, 180_000);

test("a chain that was cut while the master was down is an alarm at its start, and stays one in what it shows of itself", async () => {
  await restart();
  await fleet.master.stop();
  const path = join(dir(), segments().at(-1)!);
  const before = readFileSync(path, "utf8");
  const lines = before.split("\n");
  writeFileSync(path, `${lines.slice(0, -3).join("\n")}\n`);
  // Whoever cuts the chain cuts its heads as well; those of the stream are out of reach.
  writeFileSync(join(dir(), "heads.jsonl"), "");
  await fleet.serve();
  const isOurs = ({ data }: { data: Record<string, unknown> }) =>
    String(data["message"]).includes("were signed");
  await fleet.event("master.alarm", isOurs);
  expect(await status()).toMatchObject({ ok: false, lacking: expect.stringContaining("WITNESS") as string });
  const { value } = await fleet.json<{ audit: { lacking?: string } }>("status");
  expect(value.audit.lacking).toContain("were signed");
  const findings = (await fleet.json<{ findings: { what: string; ok: boolean }[] }>("doctor")).value.findings;
  expect(findings.find(({ what }) => what === "audit")).toMatchObject({ ok: false });
  expect((await verified()).ok).toBe(false);
}, 120_000);
