/**
 * Killed with -9 at moments that nobody chose, again and again, while jobs run
 * and nodes speak: afterwards the streams are compared with what was
 * acknowledged. BOMA_KILLS has it kill longer, BOMA_SEED the same way again.
 */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";

import { describe, expect, test } from "vitest";

import { serverTrust } from "../../packages/master/src/bus/accounts.ts";
import { EmbeddedServer } from "../../packages/master/src/bus/server.ts";
import { storageBytesMax } from "../../packages/master/src/bus/streams.ts";
import { parseBusTrust } from "../../packages/master/src/bus/trust.ts";
import { homeAt } from "../../packages/master/src/home.ts";
import { randomFrom } from "../fuzz/random.ts";
import { Fleet } from "../support/fleet.ts";
import { faults, type Kept, readKept } from "../support/kept.ts";
import { askForJobs, atRest, tellOfNode } from "../support/traffic.ts";

const KILLS = Number(process.env["BOMA_KILLS"] ?? 2);
const SEED = Number(process.env["BOMA_SEED"] ?? Date.now() % 1_000_000);
const LATE_MS = 20_000 * KILLS + 60_000;

const random = randomFrom(SEED);
console.log(`kills: BOMA_SEED=${SEED} BOMA_KILLS=${KILLS}`);

interface Scene {
  readonly fleet: Fleet;
  readonly bus: EmbeddedServer | undefined;
  /** Starts the master as it was started. */
  readonly serve: () => Promise<void>;
}

/** A bus of its own outlives its master; an embedded one ends with it. */
async function scene(kind: "external" | "embedded"): Promise<Scene> {
  const fleet = await Fleet.prepare();
  let bus: EmbeddedServer | undefined;
  if (kind === "external") {
    const trust = parseBusTrust(readFileSync(join(homeAt(fleet.home).keys, "bus.json"), "utf8"));
    bus = await EmbeddedServer.start({
      dir: join(fleet.dir, "bus"),
      host: "127.0.0.1",
      port: 0,
      trust: await serverTrust(trust),
      storageBytesMax: storageBytesMax(),
    });
  }
  const serve = () => fleet.serve(...(bus ? ["--nats", bus.url] : []));
  await serve();
  // The identity of one whose agent does not run, so that what it says is said by the test.
  const silent = await fleet.emulate(1, "t");
  silent.signal("SIGKILL");
  await silent.ended;
  await fleet.emulate(6, "n");
  return { fleet, bus, serve };
}

async function killAgents({ fleet }: Scene): Promise<void> {
  const agents = fleet.agents.get("n")!;
  agents.signal("SIGKILL");
  await agents.ended;
  await fleet.emulate(6, "n");
}

async function killMaster({ fleet, serve }: Scene): Promise<void> {
  fleet.master.signal("SIGKILL");
  await fleet.master.ended;
  await serve();
}

async function killBus({ fleet, bus }: Scene): Promise<void> {
  const pid = bus ? bus.pid : fleet.busPid;
  if (pid !== undefined && existsSync(`/proc/${pid}`)) process.kill(pid, "SIGKILL");
}

/** Kills while there is traffic, and gives what was acknowledged and what is kept once all has come to rest. */
async function underFire(scene_: Scene, kill: (scene: Scene) => Promise<void>) {
  const { fleet } = scene_;
  const stop = new AbortController();
  const [jobs, said] = [new Set<string>(), new Set<string>()];
  const traffic = [
    askForJobs(fleet, "n-*", jobs, stop.signal),
    askForJobs(fleet, "n-*", jobs, stop.signal),
    tellOfNode(fleet, "t", said, stop.signal),
  ];
  for (let at = 0; at < KILLS; at++) {
    const before = jobs.size;
    await expect.poll(() => jobs.size, { timeout: 30_000 }).toBeGreaterThan(before + 3);
    // At another moment each time, counted in what the node was told that it was kept.
    const moment = said.size + random.below(20);
    await expect.poll(() => said.size, { timeout: 30_000, interval: 2 }).toBeGreaterThanOrEqual(moment);
    await kill(scene_);
  }
  stop.abort();
  await Promise.all(traffic);
  await atRest(fleet);
  const kept = await readKept(fleet.home, fleet.servers[0]!);
  console.log(
    `kills: ${jobs.size} jobs and ${said.size} events acknowledged, ${kept.events.length} events kept`,
  );
  return { jobs, said, kept };
}

const timesSaid = ({ events }: Kept, message: string): number =>
  events.filter(({ kind, data }) => kind === "node.message-refused" && data["message"] === message).length;

function assertNothingLostOrDoubled({ jobs, said, kept }: Awaited<ReturnType<typeof underFire>>): void {
  expect(faults(kept, jobs)).toEqual([]);
  const times = [...said].map((message) => ({ message, times: timesSaid(kept, message) }));
  expect(times.filter((one) => one.times !== 1)).toEqual([]);
}

describe("nothing that was acknowledged is lost or told twice", () => {
  test.each([
    ["the master, on a bus that lives on", "external", killMaster],
    ["the bus alone", "external", killBus],
    ["the embedded bus, under its master", "embedded", killBus],
    ["the master and its bus with it", "embedded", killMaster],
    ["the agents", "external", killAgents],
  ] as const)("when %s is killed again and again", { timeout: LATE_MS }, async (_, kind, kill) => {
    const scene_ = await scene(kind);
    try {
      assertNothingLostOrDoubled(await underFire(scene_, kill));
    } finally {
      await scene_.fleet[Symbol.asyncDispose]();
      await scene_.bus?.stop();
    }
  });
});
