/**
 * `npm run soak -- --minutes 30`: a whole fleet for so long, with all that happens to one. What it takes of the machine
 * is looked at all the while; in the end each figure of the last quarter is held against the second, and the streams
 * against what was acknowledged. It ends with 1 where something grows without bound, is lost, or is there twice.
 */
import { join } from "node:path";
import { parseArgs } from "node:util";

import buildPrograms from "../support/build-programs.ts";
import { faults, readKept, streamBytes } from "../support/kept.ts";
import { pause } from "../support/pause.ts";
import { atRest } from "../support/traffic.ts";
import { begin, type Life, live, masterAway, REAL } from "./life.ts";
import { bytesBelow, fdsOf, judge, largestOf, rssOf, type Sample, storeFigures, tableOf } from "./samples.ts";

const SAMPLES = 120;
/** What nats-server has in memory of each message that it keeps under a subject of its own: 315 bytes, measured alone with 200,000. */
const BUS_BYTES_A_MESSAGE = 400;

const { values } = parseArgs({ options: { minutes: { type: "string", default: "30" } } });
const minutes = Number(values.minutes);
if (!(minutes >= 1)) {
  console.error("usage: npm run soak -- --minutes 30");
  process.exit(2);
}

/** What stands still: nodes that come and go are not looked at, but for what the others pay for them. */
function processFigures({ fleet }: Life): Sample {
  const real = REAL.map((id) => fleet.agents.get(id)!.pid);
  const emulated = fleet.agents.get("n")!.pid;
  const { busPid: bus } = fleet;
  const { pid: master } = fleet.master;
  return {
    masterRss: rssOf(master),
    masterFds: fdsOf(master),
    busFds: fdsOf(bus),
    agentRss: Math.max(...real.map(rssOf)),
    agentFds: Math.max(...real.map(fdsOf)),
    fleetRss: rssOf(emulated),
    fleetFds: fdsOf(emulated),
    nodeFiles: largestOf(...[...REAL, "n"].map((id) => join(fleet.dir, id))),
  };
}

interface History {
  readonly told: number;
  readonly bus: number;
  readonly audit: number;
}

async function look(life: Life, before: History | undefined): Promise<{ sample: Sample; history: History }> {
  const { fleet } = life;
  const { bytes, messages, told } = await streamBytes(fleet.home, fleet.servers[0]!);
  const audit = bytesBelow(join(fleet.home, "master/audit"));
  const history = { told, bus: bytes.JOBS + bytes.EVENTS + bytes.AUDIT, audit };
  const more = before === undefined ? 0 : history.told - before.told;
  return {
    history,
    sample: {
      ...processFigures(life),
      busRss: rssOf(fleet.busPid) - (messages * BUS_BYTES_A_MESSAGE) / 1024 ** 2,
      ...storeFigures(bytes),
      ...(more > 0 && {
        historyPerEvent: (history.bus - before!.bus) / more,
        auditPerEvent: (history.audit - before!.audit) / more,
      }),
    },
  };
}

/** The master is away early, so that the second quarter and the last are of one process. */
async function watch(life: Life, ms: number): Promise<Sample[]> {
  const samples: Sample[] = [];
  let history: History | undefined;
  for (let at = 0; at < SAMPLES; at++) {
    if (at === Math.floor(SAMPLES / 12)) await masterAway(life.fleet, ms / 20);
    const [looked] = await Promise.all([look(life, history), pause(ms / SAMPLES)]);
    samples.push(looked.sample);
    ({ history } = looked);
    if (at % 10 === 0)
      console.log(
        `${Math.round((at * 100) / SAMPLES)} %  ${JSON.stringify({ jobs: life.jobs.size, events: life.said.size, ...life.counts })}`,
      );
  }
  return samples;
}

async function lostOrDoubled({ fleet, jobs, said }: Life): Promise<string[]> {
  await atRest(fleet, 180_000);
  const kept = await readKept(fleet.home, fleet.servers[0]!);
  const times = new Map<string, number>();
  for (const { kind, data } of kept.events)
    if (kind === "node.message-refused")
      times.set(String(data["message"]), (times.get(String(data["message"])) ?? 0) + 1);
  const wrong = [...said].filter((message) => times.get(message) !== 1);
  return [
    ...faults(kept, jobs),
    ...wrong.map((message) => `the event "${message}" is there ${times.get(message) ?? 0} times`),
  ];
}

await buildPrograms();
const life = await begin();
try {
  const living = live(life);
  const samples = await watch(life, minutes * 60_000);
  life.stop.abort();
  await living;
  const found = await lostOrDoubled(life);
  const verdicts = judge(samples);
  console.log(`\n${tableOf(verdicts)}\n`);
  console.log(
    `${minutes} min: ${life.jobs.size} jobs, ${life.said.size} events of one node, ${JSON.stringify(life.counts)}`,
  );
  for (const fault of found.slice(0, 50)) console.log(`! ${fault}`);
  console.log(found.length === 0 ? "nothing is lost, nothing is there twice" : `${found.length} faults`);
  process.exitCode = found.length === 0 && verdicts.every(({ ok }) => ok) ? 0 : 1;
} finally {
  life.stop.abort();
  await life.fleet[Symbol.asyncDispose]();
}
