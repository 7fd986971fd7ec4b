/** The audit of a real master with real agents: what was done is there, what was changed is found, and without it nothing is done. */
import { execFileSync } from "node:child_process";
import { appendFileSync, cpSync, mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { Fleet } from "../support/fleet.ts";
import { TestProcess } from "../support/process.ts";
import { run } from "../support/run.ts";

interface Entry {
  readonly n: number;
  readonly kind: string;
  readonly [name: string]: unknown;
}
interface Verified {
  readonly ok: boolean;
  readonly first: number;
  readonly last: number;
  readonly signed: number;
  readonly results: number;
  readonly compared: number;
  readonly faults: readonly { record: number; file: string; line: number; what: string }[];
}

let fleet: Fleet;
beforeAll(async () => {
  fleet = await Fleet.start();
  await fleet.agent("web", { env: "dev" });
  await fleet.emulate(3, "n");
});
afterAll(() => fleet?.[Symbol.asyncDispose]());

const show = async (...words: string[]) => (await fleet.json<Entry[]>("audit", "show", ...words)).value;
const verifyOf = (of: Fleet, ...words: string[]) => of.json<Verified>("audit", "verify", ...words);
const verify = (...words: string[]) => verifyOf(fleet, ...words);
const auditOf = (of: Fleet) => join(of.home, "master/audit");
const verifier = fileURLToPath(new URL("../../packages/master/src/audit/audit-verify.mjs", import.meta.url));

/** Everything is signed when the master stops. */
async function restart(): Promise<void> {
  await fleet.master.stop();
  await fleet.serve();
}

describe("what is recorded", () => {
  test("says who asked for what, on whom, and how each node ended, in the node's own signed words", async () => {
    await run(fleet, "*", "test.ping");
    const entries = await show();
    const job = entries.findLast(({ kind }) => kind === "job")!;
    expect(job).toMatchObject({ operator: "local", function: "test.ping", target: "*", count: 4 });
    const ids = ["n-0001", "n-0002", "n-0003", "web"];
    expect(new Set((job["nodes"] as string[][]).map(([, id]) => id))).toEqual(new Set(ids));
    const request = entries.findLast(({ kind, verb }) => kind === "request" && verb === "job.start")!;
    expect(request).toMatchObject({
      operator: "local",
      rights: "admin",
      from: expect.stringContaining("127.0.0.1") as string,
    });
    expect(request.n).toBeLessThan(job.n);
    const results = entries.filter((entry) => entry.kind === "result" && entry["job"] === job["job"]);
    expect(results).toHaveLength(4);
    expect(new Map(results.map(({ id, status }) => [id, status]))).toEqual(
      new Map(ids.map((id) => [id, "ok"])),
    );
    const enrolled = new Map(
      entries.filter(({ kind }) => kind === "enrolled").map((entry) => [entry["node"], entry["sign"]]),
    );
    for (const { node, sign, frame } of results) {
      expect(sign).toBe(enrolled.get(node));
      expect(typeof frame).toBe("string");
    }
    expect(entries.find((entry) => entry.kind === "finished" && entry["job"] === job["job"])).toMatchObject({
      statuses: { ok: 4 },
    });
  });

  test("holds no value that a schema or a name says is secret, and keeps the references to secrets", async () => {
    await fleet.run("run", "web", "cmd.run", "true", 'env={"A":"s3cret-env"}');
    await fleet.run(
      "run",
      "web",
      "state.single",
      "state=file.managed",
      "key=/x",
      'params={"contents":"s3cret-text","mode":"0600"}',
    );
    const text = readFileSync(join(auditOf(fleet), "00000001.jsonl"), "utf8");
    expect(text).toContain("file.managed");
    expect(text).toContain('"env":{"A":"•••"}');
    for (const secret of ["s3cret-text", "s3cret-env"]) expect(text).not.toContain(secret);
  });

  test("names the catalog that each node is really sent, which is another one once secrets are in it", async () => {
    const secret = join(fleet.home, "secrets/word");
    mkdirSync(dirname(secret), { recursive: true, mode: 0o700 });
    writeFileSync(secret, "s3same\n", { mode: 0o600 });
    const params = { contents: { $secret: `file:${secret}` }, mode: "0600" };
    await run(
      fleet,
      "web",
      "state.single",
      "state=file.managed",
      "key=/y",
      `params=${JSON.stringify(params)}`,
    );
    const entries = await show();
    const job = entries.findLast(({ kind }) => kind === "job")!;
    const [node, , compiled] = (job["nodes"] as [string, string, string][])[0]!;
    const sent = entries.find((entry) => entry.kind === "sent" && entry["job"] === job["job"])!;
    expect(sent).toMatchObject({ node, catalog: expect.stringMatching(/^[0-9a-f]{64}$/) as string });
    expect(sent["catalog"]).not.toBe(compiled);
    const result = entries.find((entry) => entry.kind === "result" && entry["job"] === job["job"])!;
    expect(sent.n).toBeLessThan(result.n);
  });

  test("says that a return came after its job had closed, once, with the digest of what the node signed", async () => {
    const web = fleet.agents.get("web")!;
    web.signal("SIGSTOP");
    try {
      const { value } = await run(fleet, "web", "test.ping", "--timeout", "10m");
      expect(value.summary).toEqual({ timeout: 1 });
      web.signal("SIGCONT");
      await fleet.event("job.late", ({ job }) => job === value.job);
      const late = (await show("--job", value.job)).filter(({ kind }) => kind === "late");
      expect(late).toMatchObject([
        { id: "web", status: "ok", frameSha256: expect.stringMatching(/^[0-9a-f]{64}$/) as string },
      ]);
    } finally {
      web.signal("SIGCONT");
    }
  });

  test("names an operator who was denied, and what was asked for", async () => {
    const file = join(fleet.dir, "auditor.json");
    await fleet.ok("operator", "add", "auditor", "--audit", "--out", file);
    const denied = await fleet.run("run", "*", "test.ping", "--operator", file);
    expect(denied.code).not.toBe(0);
    const entries = await show("--by", "auditor");
    const request = entries.find(({ kind }) => kind === "request")!;
    expect(request).toMatchObject({ verb: "job.start" });
    expect(entries.filter(({ n }) => n > request.n)).toMatchObject([
      { kind: "denied", request: request.n, verb: "job.start" },
    ]);
    const all = await show();
    expect(all.find((entry) => entry.kind === "ended" && entry["request"] === request.n)).toBe(undefined);
    const read = await fleet.run("audit", "show", "--operator", file, "--json");
    expect(read.code).toBe(0);
  });
});

describe("a chain that nobody touched", () => {
  test("holds while the master runs, on the disk as in both streams, also after the master was killed", async () => {
    await run(fleet, "*", "test.ping");
    fleet.master.signal("SIGKILL");
    await fleet.master.ended;
    await fleet.serve();
    await fleet.event("master.started");
    const copied = async () =>
      (await fleet.json<{ last: number; copy: { copied: number } }>("audit", "status")).value;
    await expect
      .poll(async () => ((now) => now.copy.copied === now.last)(await copied()), { timeout: 20_000 })
      .toBe(true);
    const { code, value } = await verify();
    expect(value.faults).toEqual([]);
    expect(code).toBe(0);
    expect(value.compared).toBe(value.last);
    expect(value.results).toBeGreaterThan(4);
  });

  test("is checked by a small program of its own from one file, which finds a changed byte as well", async () => {
    await restart();
    const file = join(fleet.dir, "bundle.boma");
    const { value } = await fleet.json<{ root: string }>("audit", "export", file);
    const good = execFileSync(process.execPath, [verifier, file, "--root", value.root], { encoding: "utf8" });
    expect(good).toMatch(/^holds /m);
    writeFileSync(file, readFileSync(file, "utf8").replace('"verb":"token.create"', '"verb":"token.revoke"'));
    const check = new TestProcess(process.execPath, [verifier, file]);
    const { code, stdout } = await check.ended;
    expect(code).toBe(1);
    expect(stdout).toMatch(/^broken {2}line \d+, record \d+: /m);
  });

  test("is followed by a witness elsewhere, which refuses a chain that was cut", async () => {
    const witness = join(fleet.dir, "witness.jsonl");
    await fleet.ok("audit", "witness", witness);
    expect((await verify("--witness", witness)).code).toBe(0);
    const dir = join(fleet.dir, "cut");
    cpSync(auditOf(fleet), dir, { recursive: true });
    const path = join(dir, "00000001.jsonl");
    const lines = readFileSync(path, "utf8").split("\n");
    writeFileSync(path, `${lines.slice(0, 5).join("\n")}\n`);
    writeFileSync(join(dir, "heads.jsonl"), "");
    expect((await verify("--dir", dir)).code).toBe(0);
    const { code, value } = await verify("--dir", dir, "--witness", witness);
    expect(code).toBe(1);
    expect(value.faults[0]).toMatchObject({ record: 6, what: expect.stringContaining("cut off") as string });
  });

  test("differs from its copy in the stream once somebody rewrote the disk, which is said with file and line", async () => {
    await fleet.master.stop();
    const path = join(auditOf(fleet), "00000001.jsonl");
    const before = Buffer.from(readFileSync(path));
    try {
      writeFileSync(path, before.toString("utf8").replace('"kind":"enrolled"', '"kind":"Enrolled"'));
      await fleet.serve();
      const { code, value } = await verify();
      expect(code).toBe(1);
      expect(value.faults.map(({ what }) => what).join("\n")).toContain(
        "differs from its copy in the stream",
      );
      expect(value.faults[0]).toMatchObject({ file: path, line: expect.any(Number) as number });
    } finally {
      await fleet.master.stop();
      const after = Buffer.from(readFileSync(path));
      writeFileSync(path, Buffer.concat([before, after.subarray(before.length)]));
      await fleet.serve();
    }
    expect((await verify()).value.faults).toEqual([]);
  });
});

describe("records that are sent on", () => {
  test("arrive at a syslog server over TCP each exactly once over two runs of one durable name", async () => {
    const got: string[] = [];
    const server = createServer((socket) => {
      let rest = Buffer.alloc(0);
      socket.on("data", (data: Buffer) => {
        rest = Buffer.concat([rest, data]);
        for (;;) {
          const [, length] = /^(\d+) /.exec(rest.toString("latin1", 0, 10)) ?? [];
          if (length === undefined || rest.length < length.length + 1 + Number(length)) return;
          got.push(rest.toString("utf8", length.length + 1, length.length + 1 + Number(length)));
          rest = rest.subarray(length.length + 1 + Number(length));
        }
      });
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as { port: number };
    const words = ["audit", "export", "--to", `syslog+tcp://127.0.0.1:${port}`, "--durable", "siem"];
    await fleet.ok(...words);
    const first = got.length;
    await run(fleet, "web", "test.ping");
    await fleet.ok(...words);
    server.close();
    expect(first).toBeGreaterThan(10);
    const numbers = got.map((message) => Number(/ n="(\d+)"\] /.exec(message)![1]));
    expect(numbers).toEqual(Array.from({ length: numbers.length }, (_, at) => at + 1));
    expect(got[0]).toMatch(
      /^<109>1 \d{4}-\d\d-\d\dT\S+Z \S+ boma-audit \d+ segment \[boma@32473 n="1"\] \{"n":1,/,
    );
    expect(numbers.length).toBeGreaterThan(first);
  });

  test("go into a file of lines that goes on where it ended, also behind a line that was cut short", async () => {
    const file = join(fleet.dir, "lines.jsonl");
    await fleet.ok("audit", "export", "--to", file);
    appendFileSync(file, '{"n":9');
    await run(fleet, "web", "test.ping");
    await fleet.ok("audit", "export", "--to", file);
    const numbers = readFileSync(file, "utf8")
      .trim()
      .split("\n")
      .map((line) => (JSON.parse(line) as Entry).n);
    expect(numbers).toEqual(Array.from({ length: numbers.length }, (_, at) => at + 1));
  });
});

describe("a disk that takes no more", () => {
  test("stops every request that writes, lets others read, and lets work go on by itself when it takes more", async () => {
    const path = join(auditOf(fleet), "00000001.jsonl");
    const limit = (bytes: number | "unlimited") =>
      execFileSync("prlimit", ["--pid", String(fleet.master.pid), `--fsize=${bytes}:unlimited`]);
    const codeOf = async (...words: string[]) =>
      (await fleet.json<{ error?: { code: string } }>(...words)).value.error?.code;
    // The system lets this process make no file longer than this one is now.
    limit(statSync(path).size);
    expect(await codeOf("token", "create")).toBe("audit/unwritable");
    const { code } = await fleet.run("run", "web", "test.ping");
    expect(code).toBe(1);
    expect((await fleet.run("nodes")).code).toBe(0);
    const status = await fleet.json<{ ok: boolean; trouble: string }>("audit", "status");
    expect(status).toMatchObject({
      code: 1,
      value: { ok: false, trouble: expect.stringContaining("EFBIG") as string },
    });
    await fleet.event("master.alarm");
    limit("unlimited");
    expect(await codeOf("run", "web", "test.ping")).toBe(undefined);
    await restart();
    expect((await verify()).value).toMatchObject({ ok: true, faults: [] });
  });
});
