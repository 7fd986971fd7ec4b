/**
 * Goal: a disk is wiped with a token for this disk as it is, once, on its node, and with no other one.
 * Method: a real master and an agent of this machine, loop devices as disks; an agent that is killed in the middle.
 */
import { execFile } from "node:child_process";
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { open } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";

import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { exec, type LoopDisk, loopDisk, MIB } from "../../packages/agent/src/testing/loop.ts";
import { Fleet } from "../support/fleet.ts";
import { type Failure, run } from "../support/run.ts";

let fleet: Fleet;
beforeAll(async () => {
  fleet = await Fleet.start();
  await Promise.all([fleet.agent("box", { unconfined: true }), fleet.agent("other")]);
});
afterAll(() => fleet?.[Symbol.asyncDispose]());

interface Allowed {
  readonly token: string;
  readonly id: string;
  readonly expires: number;
}

async function withData(mib = 32): Promise<LoopDisk> {
  const disk = await loopDisk(mib);
  await exec("mkfs.ext4", ["-q", disk.path]);
  return disk;
}
const digest = async (disk: LoopDisk): Promise<string> =>
  (await promisify(execFile)("sha256sum", [disk.file])).stdout.split(" ")[0]!;

async function allow(disk: LoopDisk, ...words: readonly string[]): Promise<Allowed> {
  const { code, value } = await fleet.json<Allowed>(
    "allow",
    "box",
    "disk.wipe",
    disk.path,
    "--reason",
    "a test",
    ...words,
  );
  if (code !== 0) throw new Error(JSON.stringify(value));
  return value;
}

async function wipe(disk: LoopDisk, token: string, ...words: readonly string[]) {
  const { value } = await run(fleet, "box", "disk.wipe", disk.path, token, ...words);
  return value.nodes["box"]!;
}

const REFUSED = { status: "refused", error: { code: "permit/refused" } };

describe("a token", { timeout: 120_000 }, () => {
  test("wipes the disk that it was made for, and works once", async () => {
    await using disk = await withData();
    const { token } = await allow(disk);
    expect(await wipe(disk, token)).toMatchObject({
      status: "changed",
      return: { path: disk.path, bytes: 32 * MIB },
    });
    expect((await exec("wipefs", ["--no-act", disk.path])).stdout).toBe("");
    const bytes = readFileSync(disk.file);
    for (const end of [bytes.subarray(0, MIB), bytes.subarray(-MIB)])
      expect(end.every((byte) => byte === 0)).toBe(true);
    await exec("mkfs.ext4", ["-q", disk.path]);
    const before = await digest(disk);
    expect(await wipe(disk, token)).toMatchObject(REFUSED);
    expect(await digest(disk)).toBe(before);
    const { data, operator } = await fleet.event(
      "approval.given",
      ({ data: { subject } }) => subject === disk.path,
    );
    expect(data).toMatchObject({ what: "disk.wipe" });
    expect(operator).toBeDefined();
    expect(JSON.stringify((await fleet.json("audit", "show")).value)).toContain('"reason":"a test"');
  });

  test("zeros all of a disk where that is asked for", async () => {
    await using disk = await withData();
    expect(readFileSync(disk.file).some((byte) => byte !== 0)).toBe(true);
    expect(await wipe(disk, (await allow(disk)).token, "whole=true")).toMatchObject({ status: "changed" });
    expect(readFileSync(disk.file).every((byte) => byte === 0)).toBe(true);
  });

  test("that was edited, has expired, or is for another disk or node wipes nothing", async () => {
    await using disk = await withData();
    await using second = await withData();
    const before = [await digest(disk), await digest(second)];
    const { token } = await allow(disk);
    const [brief, elsewhere] = [await allow(disk, "--ttl", "1s"), await allow(second)];
    const at = token.length - 20;
    const edited = token.slice(0, at) + (token[at] === "A" ? "B" : "A") + token.slice(at + 1);
    expect(await wipe(disk, edited)).toMatchObject(REFUSED);
    expect(await wipe(disk, elsewhere.token)).toMatchObject(REFUSED);
    const foreign = await run(fleet, "other", "disk.wipe", disk.path, token);
    expect(foreign.value.nodes["other"]).toMatchObject(REFUSED);
    await expect.poll(() => Date.now(), { timeout: 30_000 }).toBeGreaterThan(brief.expires);
    expect(await wipe(disk, brief.token)).toMatchObject(REFUSED);
    expect([await digest(disk), await digest(second)]).toEqual(before);
  });

  test("does not hold for a disk that has changed since, or is in use by now", async () => {
    await using disk = await withData();
    const { token } = await allow(disk);
    const mount = join(fleet.dir, "mount");
    mkdirSync(mount);
    await exec("mount", [disk.path, mount]);
    try {
      expect(await wipe(disk, token)).toMatchObject({
        status: "refused",
        error: { code: "permit/evidence" },
      });
      const asked = await fleet.json<Failure>("allow", "box", "disk.wipe", disk.path, "--reason", "a test");
      expect(asked.value.error).toMatchObject({
        code: "permit/evidence",
        message: expect.stringContaining(mount) as string,
      });
    } finally {
      await exec("umount", [mount]);
    }
    await exec("mkfs.ext4", ["-q", "-F", disk.path]);
    const before = await digest(disk);
    const { error } = await wipe(disk, token);
    expect(error).toMatchObject({
      code: "permit/evidence",
      message: expect.stringContaining("has changed") as string,
    });
    expect(await digest(disk)).toBe(before);
  });

  test("is used by an agent that is killed in the middle of it", async () => {
    await using disk = await withData();
    const { token } = await allow(disk);
    // The first program that would touch the disk stands still: the agent dies before a byte is changed.
    const bin = join(fleet.dir, "bin");
    const begun = join(fleet.dir, "begun");
    mkdirSync(bin);
    const real = (await exec("which", ["wipefs"])).stdout.trim();
    const script = `#!/bin/sh\ncase " $* " in *" --all "*) touch ${begun}; exec sleep 600;; esac\nexec ${real} "$@"\n`;
    writeFileSync(join(bin, "wipefs"), script);
    chmodSync(join(bin, "wipefs"), 0o755);
    const path = process.env["PATH"]!;
    await fleet.agents.get("box")!.stop();
    process.env["PATH"] = `${bin}:${path}`;
    try {
      await fleet.restart("box", { unconfined: true });
    } finally {
      process.env["PATH"] = path;
    }
    const before = await digest(disk);
    const since = Date.now();
    const wiping = fleet.spawn("run", "box", "disk.wipe", disk.path, token, "--json");
    await expect
      .poll(
        () =>
          open(begun).then(
            (file) => file.close().then(() => true),
            () => false,
          ),
        { timeout: 30_000 },
      )
      .toBe(true);
    // One that died before the master heard that it had begun would leave the job queued.
    const { job } = await fleet.event("job.started", ({ at }) => at >= since);
    await fleet.event("job.accepted", (event) => event.job === job);
    const agent = fleet.agents.get("box")!;
    agent.signal("SIGKILL");
    await agent.ended;
    await fleet.restart("box", { unconfined: true });
    expect((await wiping.ended).stdout).toContain("job/agent-restarted");
    expect(await wipe(disk, token)).toMatchObject(REFUSED);
    expect(await digest(disk)).toBe(before);
  });

  test("is made by nobody who may not wipe that node's disks", async () => {
    await using disk = await withData();
    const viewer = join(fleet.dir, "viewer");
    await fleet.ok("operator", "add", "viewer", "--run", "disk.evidence@*", "--out", viewer);
    const words = ["allow", "box", "disk.wipe", disk.path, "--reason", "a test", "--operator", viewer];
    const { value } = await fleet.json<Failure>(...words);
    expect(value.error).toMatchObject({ code: "operator/denied" });
  });

  test("is not even made where the serial number that was said is another one", async () => {
    await using disk = await withData();
    const words = ["allow", "box", "disk.wipe", disk.path, "--reason", "a test", "--run", "ZA1B2C3D"];
    const { code, value } = await fleet.json<Failure>(...words);
    expect({ code, error: value.error.code }).toEqual({ code: 2, error: "usage/argument" });
  });
});
