// Goal: a durable reader that writes into a file has every event once and in order, whatever is killed and whenever;
// into a pipe it lets go of nothing that was not taken.
// Method: the command line, the master and the bus are killed -9 again and again while jobs run; then the file is
// compared with the stream itself. BOMA_KILLS=200 makes it longer; the seed of the moments is printed.
import { spawn } from "node:child_process";
import { appendFileSync, closeSync, existsSync, openSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";

import { afterEach, beforeEach, describe, expect, test } from "vitest";

import { Fleet, type ToldEvent } from "../support/fleet.ts";
import { program } from "../support/programs.ts";

const KILLS = Number(process.env["BOMA_KILLS"] ?? 6);
const SEED = Number(process.env["BOMA_SEED"] ?? Date.now() % 100_000);

let fleet: Fleet;
let file: string;
beforeEach(async () => {
  fleet = await Fleet.start({ listen: "127.0.0.1:0" });
  file = join(fleet.dir, "events.ndjson");
});
afterEach(() => fleet?.[Symbol.asyncDispose]());

/** The same moments for the same seed. */
function moments(seed: number): (max: number) => number {
  let state = seed;
  return (max) => {
    state = (state * 1_103_515_245 + 12_345) % 2 ** 31;
    return Math.floor((state / 2 ** 31) * max);
  };
}

/** As a shell does with `>> FILE`. */
function reading(...words: string[]) {
  const out = openSync(file, "a");
  const child = spawn(
    process.execPath,
    [program("master"), "events", ...words, "--json", "--durable", "file"],
    {
      stdio: ["ignore", out, "pipe"],
      env: { ...process.env, BOMA_HOME: fleet.home, NO_COLOR: "1" },
    },
  );
  closeSync(out);
  let stderr = "";
  child.stderr!.on("data", (data: Buffer) => (stderr += data.toString()));
  const ended = new Promise<{ code: number | null; stderr: string }>((resolve) =>
    child.on("close", (code) => resolve({ code, stderr })),
  );
  return {
    ended,
    kill: () => child.kill("SIGKILL"),
    [Symbol.asyncDispose]: async () => {
      child.kill("SIGKILL");
      await ended;
    },
  };
}

const wholeLines = (): number => readFileSync(file, "utf8").split("\n").length - 1;
/** The reader has come so far: a moment that is the same on a fast machine and on a slow one. */
async function untilWritten(lines: number): Promise<void> {
  await expect.poll(wholeLines, { timeout: 60_000, interval: 10 }).toBeGreaterThanOrEqual(lines);
}

const documents = (): ToldEvent[] =>
  readFileSync(file, "utf8")
    .split("\n")
    .slice(0, -1)
    .map((line) => JSON.parse(line) as ToldEvent);
const stored = async (...words: string[]) => (await fleet.json<ToldEvent[]>("events", ...words)).value;

/** Until a job has run to its end: master, bus and agent are there again. */
async function untilWorking(): Promise<void> {
  while ((await fleet.run("run", "web", "test.ping", "--timeout", "5s")).code !== 0);
}

describe("into a file", () => {
  test(
    `every event is written once and in order, while reader, master and bus are killed ${KILLS} times`,
    { timeout: 60_000 + KILLS * 20_000 },
    async () => {
      console.log(`seed ${SEED}`);
      const upTo = moments(SEED);
      await fleet.agent("web");
      await using first = reading("job.*", "node.*");
      expect(await first.ended).toMatchObject({ code: 0 });
      const [begin] = (await stored("*")).slice(-1);
      for (let kill = 0; kill < KILLS; kill++) {
        await using reader = reading("job.*", "node.*", "--follow");
        // A job that was told to begin is told to end, whatever is killed in between: one line more always comes.
        const jobs = Array.from({ length: 3 }, () => fleet.run("run", "web", "test.ping", "--timeout", "5s"));
        const [before, lines] = [wholeLines(), upTo(4)];
        await untilWritten(before + lines);
        if (kill % 3 === 1) process.kill(fleet.busPid, "SIGKILL");
        if (kill % 3 === 2) {
          await fleet.master.stop("SIGKILL");
          await fleet.serve();
        }
        // Sometimes it comes to write after the kill, and sometimes it does not.
        if (kill % 3 > 0 && lines > 0 && upTo(2) > 0) await untilWritten(before + lines + 1);
        reader.kill();
        await Promise.all([reader.ended, ...jobs]);
        // What a crash in the middle of a write leaves behind.
        if (kill % 2 === 0) appendFileSync(file, '{"uid":"torn');
        await untilWorking();
      }
      const { code, stderr } = await reading("job.*", "node.*").ended;
      expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
      const wanted = (await stored("job.*", "node.*")).filter(({ sequence }) => sequence > begin!.sequence);
      const found = documents();
      const until = found.at(-1)!.sequence;
      expect(found).toEqual(wanted.filter(({ sequence }) => sequence <= until));
      expect(found.filter(({ kind }) => kind === "job.finished").length).toBeGreaterThanOrEqual(KILLS);
    },
  );

  test("goes on behind its own last line, also when the master believes it to stand earlier", async () => {
    const [event] = (await stored("*")).slice(-1);
    appendFileSync(file, `${JSON.stringify(event)}\n{"torn":`);
    await using reader = reading("*", "--since", "1");
    expect(await reader.ended).toMatchObject({ code: 0 });
    const [first, second] = documents();
    expect(first).toEqual(event);
    expect([undefined, event!.sequence + 1]).toContain(second?.sequence);
  });

  test("and of a stream that was put back from a backup, it does not go on with others of the same numbers", async () => {
    const backup = join(fleet.dir, "boma.tar");
    const tell = () => fleet.ok("token", "create", "--env", "dev");
    const last = async () => (await stored("*", "--since", "1h")).at(-1)!;
    await fleet.ok("backup", "--out", backup);
    await tell();
    await using reader = reading("*", "--since", "1h");
    expect(await reader.ended).toMatchObject({ code: 0 });
    const before = readFileSync(file, "utf8");
    const { sequence } = documents().at(-1)!;
    await fleet.master.stop("SIGKILL");
    rmSync(fleet.home, { recursive: true });
    await fleet.ok("restore", backup);
    await fleet.serve();
    while ((await last()).sequence <= sequence) await tell();
    await using again = reading("*");
    expect(await again.ended).toEqual({ code: 2, stderr: expect.stringMatching(/put back from a backup/) });
    expect(readFileSync(file, "utf8")).toBe(before);
  });

  test("that holds something else nothing is written, and nothing is cut", async () => {
    for (const text of ["notes of mine\n", "notes of mine"]) {
      appendFileSync(file, text);
      const before = readFileSync(file, "utf8");
      const { code, stderr } = await reading("*").ended;
      expect(stderr).toContain("the file's last line is no event");
      expect(code).toBe(2);
      expect(readFileSync(file, "utf8")).toBe(before);
    }
  });
});

describe("into a pipe", () => {
  test("what nobody took comes again, under the same uid and number", async () => {
    await fleet.ok("events", "*", "--json", "--durable", "pipe");
    const { stdout } = await fleet.run("token", "create", "--json");
    expect(stdout).toContain("joinToken");
    // A reader that closes its end at once takes nothing.
    const child = spawn(
      process.execPath,
      [program("master"), "events", "token.*", "--json", "--durable", "pipe"],
      {
        stdio: ["ignore", "pipe", "ignore"],
        env: { ...process.env, BOMA_HOME: fleet.home },
      },
    );
    child.stdout!.destroy();
    await new Promise((resolve) => child.on("close", resolve));
    const again = await fleet.ok("events", "token.*", "--json", "--durable", "pipe");
    const [told] = await stored("token.created");
    expect(JSON.parse(again)).toEqual(told);
    expect(await fleet.ok("events", "token.*", "--json", "--durable", "pipe")).toBe("");
  });
});

describe("whoever follows", () => {
  test("goes on over a restart of master and bus without a gap, and says so once each", async () => {
    await using follow = fleet.spawn("events", "token.*", "--follow", "--since", "1", "--json");
    await fleet.ok("token", "create");
    await follow.line(/token\.created/);
    await fleet.master.stop("SIGKILL");
    await follow.line(/^waiting: /);
    await fleet.serve();
    await fleet.ok("token", "create");
    await follow.line(/^back: /);
    await follow.line(
      (line) => line.startsWith("{") && follow.lines.filter((one) => one.startsWith("{")).length === 2,
    );
    const { code, stdout, stderr } = await follow.stop("SIGTERM");
    expect(code).toBe(0);
    expect(
      stdout
        .trim()
        .split("\n")
        .map((line) => (JSON.parse(line) as ToldEvent).sequence),
    ).toEqual((await stored("token.*")).map(({ sequence }) => sequence));
    expect(stderr.match(/^waiting/gm)).toHaveLength(1);
    expect(stderr.match(/^back/gm)).toHaveLength(1);
  });

  test("is told at once where no master is, instead of waiting for one", async () => {
    await fleet.master.stop("SIGTERM");
    const { code } = await fleet.run("events", "--follow");
    expect(code).toBe(3);
    expect(existsSync(file)).toBe(false);
  });
});
