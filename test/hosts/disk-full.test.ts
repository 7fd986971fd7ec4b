/**
 * Goal: a full disk below the bus, or below all that a master keeps, is said clearly and soon, loses nothing that was
 * acknowledged, and all goes on by itself when there is room.
 * Method: a small disk of memory, filled to the last byte while jobs are on their way; the bus stands still on top of
 * it; on every nats-server that is here.
 */
import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { expect, onTestFinished, test } from "vitest";

import { homeAt } from "../../packages/master/src/home.ts";
import { Fleet } from "../support/fleet.ts";
import { faults, readKept } from "../support/kept.ts";
import { nameOf, serverPrograms } from "../support/nats.ts";
import type { RunDocument } from "../support/run.ts";

const DISK = "size=32m,mode=0700";
const PART = Buffer.alloc(64 * 1024);
const PAGE = 4096;
const WITHIN = { timeout: 60_000 };

/** A master with a disk of its own below a part of its home; it goes away whatever becomes of the test. */
async function onSmallDisk(program: string, below: "bus" | "dir"): Promise<{ fleet: Fleet; filler: string }> {
  const fleet = await Fleet.prepare({ program });
  const place = homeAt(fleet.home)[below];
  const filler = join(place, "filler");
  const aside = join(fleet.dir, "aside");
  mkdirSync(place, { recursive: true });
  cpSync(place, aside, { recursive: true });
  execFileSync("mount", ["-t", "tmpfs", "-o", DISK, "tmpfs", place]);
  onTestFinished(async () => {
    // A master that has room again stops as usual.
    rmSync(filler, { force: true });
    await fleet.master?.[Symbol.asyncDispose]();
    execFileSync("umount", ["--lazy", place]);
    await fleet[Symbol.asyncDispose]();
  }, 60_000);
  cpSync(aside, place, { recursive: true });
  await fleet.serve();
  return { fleet, filler };
}

/** To the last page: what is written now fails, or fits where something was written before. */
function fillUp(file: string): void {
  for (const size of [PART.length, PAGE])
    try {
      for (;;) writeFileSync(file, PART.subarray(0, size), { flag: "a" });
    } catch (error) {
      expect(error).toMatchObject({ code: "ENOSPC" });
    }
}

type Answer = Partial<RunDocument> & { readonly error?: { readonly code: string; readonly message: string } };

test.each(
  serverPrograms.flatMap((program) =>
    (["bus", "dir"] as const).map((below) => ({ server: nameOf(program), program: program.path, below })),
  ),
)(
  "on $server a full disk ($below) is said clearly while it lasts, and when there is room every job has ended once",
  { timeout: 240_000 },
  async ({ program, below }) => {
    const { fleet, filler } = await onSmallDisk(program, below);
    const agent = await fleet.agent("disk-01");
    const accepted: string[] = [];
    const run = async (...words: readonly string[]) => {
      const { code, value } = await fleet.json<Answer>("run", "disk-01", ...words);
      if (value.job !== undefined) accepted.push(value.job);
      return { code, error: value.error };
    };
    const ping = () => run("test.ping", "--timeout", "5s");
    // With the bus alone on that disk the audit has room, and the bus is what refuses.
    const refusal = {
      error: {
        code: expect.stringMatching(below === "bus" ? /^bus\/full$/ : /^(audit\/unwritable|bus\/full)$/),
      },
    };
    expect((await ping()).code).toBe(0);
    // It returns when the disk is full.
    await run("test.sleep", "seconds=1", "--async");
    const [, asleep] = accepted;
    await fleet.event("job.accepted", ({ job }) => job === asleep);
    agent.signal("SIGSTOP");
    const underWay = [1, 2, 3].map(() => run("test.sleep", "seconds=1"));
    await fleet.event("job.started", ({ job }) => job !== undefined && !accepted.includes(job));
    fillUp(filler);
    agent.signal("SIGCONT");

    // The last page of a file may still take a record or two.
    await expect.poll(ping, WITHIN).toMatchObject(refusal);
    // Nobody waits in silence for an ending that cannot be kept.
    await Promise.all(underWay);
    expect((await fleet.run("doctor")).stdout).toMatch(
      /bad +disk[^]*bad +streams +the disk of the bus is full/,
    );
    expect((await fleet.run("status")).stdout).toContain("the disk of the bus is full");

    // What a server may do that met the end of a disk: nothing, for ever.
    const stuck = fleet.busPid;
    process.kill(stuck, "SIGSTOP");
    await expect.poll(() => busPidOf(fleet), WITHIN).not.toBe(stuck);
    await expect.poll(ping, WITHIN).toMatchObject(refusal);

    rmSync(filler);
    await expect.poll(ping, WITHIN).toMatchObject({ code: 0 });
    const wrong = async () => faults(await readKept(fleet.home, fleet.servers[0]!), accepted);
    await expect.poll(wrong, WITHIN).toEqual([]);
    const { endings } = await readKept(fleet.home, fleet.servers[0]!);
    expect([...endings.get(asleep!)!.values()]).toEqual(["ok"]);
    expect(await fleet.ok("audit", "verify")).toMatch(/^holds/);
    expect((await fleet.run("status")).stdout).not.toContain("full");
  },
);

/** Between two servers there is none, and the one that is ended is none any more. */
function busPidOf(fleet: Fleet): number | undefined {
  try {
    return fleet.busPid;
  } catch {
    return undefined;
  }
}
