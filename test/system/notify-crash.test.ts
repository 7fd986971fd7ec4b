/** The master, or the bus, is killed again and again while it delivers: the receiver still gets every event, and knows a repetition by its id. */
import { randomBytes } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { expect, test } from "vitest";

import { parseBusTrust } from "../../packages/master/src/bus/trust.ts";
import { Events } from "../../packages/master/src/events/events.ts";
import type { Logger } from "../../packages/master/src/log.ts";
import { Store } from "../../packages/master/src/store/store.ts";
import { Fleet, type ToldEvent } from "../support/fleet.ts";
import { startTestBus } from "../support/nats.ts";
import { notificationsOf } from "../support/notify.ts";
import { answer, type Received, Receiver } from "../support/receiver.ts";

const EVENTS = 400;
const KILLS = 6;
const BUS_KILLS = 3;

const tokenOf = ({ body }: Received) => (JSON.parse(body) as { data: { token: string } }).data.token;

test(`none of ${EVENTS} events is missing at the receiver after ${KILLS} kills, and repetitions have one id`, async () => {
  await using fleet = await Fleet.prepare();
  const trust = parseBusTrust(readFileSync(join(fleet.home, "master", "keys", "bus.json"), "utf8"));
  await using bus = await startTestBus({ trust });
  await using receiver = await Receiver.start();
  // Some fail at first, so that what waits is in the middle of it as well.
  let count = 0;
  receiver.behave = (received, response) => answer(++count % 7 === 0 ? 503 : 200)(received, response);
  writeFileSync(
    join(fleet.home, "site", "notifications.ts"),
    notificationsOf(
      `ops: { on: "token.*", to: webhook({ url: "${receiver.url}" }), retry: { attempts: 50, first: "50ms" } }`,
    ),
  );
  await fleet.serve("--nats", bus.url);
  await fleet.ok("notify", "list");
  const store = await Store.open(await bus.ctrl(), randomBytes(32));
  const events = new Events(store, console as unknown as Logger);
  const telling = (async () => {
    for (let at = 0; at < EVENTS; at++)
      await events.told({ kind: "token.revoked", data: { token: `t${at}` } });
  })();
  for (let kill = 1; kill <= KILLS; kill++) {
    const before = receiver.received.length;
    // In the middle of its deliveries, wherever that is.
    await receiver.until(({ length }) => length >= before + 10 + kill);
    await fleet.master.stop("SIGKILL");
    await fleet.serve("--nats", bus.url);
  }
  await telling;
  const distinct = (all: readonly Received[]) => new Set(all.map(tokenOf)).size;
  await receiver.until((all) => distinct(all) >= EVENTS);
  // One token, one id: whoever remembers ids takes each once.
  const ids = new Map(receiver.received.map((one, at) => [tokenOf(one), receiver.ids[at]!]));
  expect(receiver.received.every((one, at) => ids.get(tokenOf(one)) === receiver.ids[at])).toBe(true);
  expect(new Set(receiver.ids).size).toBe(EVENTS);
  const repeated = receiver.received.length - EVENTS;
  console.log(
    `${EVENTS} events, ${KILLS} kills, ${repeated} sent again, ${Math.floor(count / 7)} of them refused`,
  );
  // What the last kill interrupted is sent once more.
  const notifiers = async () => (await fleet.json<{ notifiers: object[] }>("notify", "list")).value.notifiers;
  await expect.poll(notifiers, { timeout: 60_000 }).toMatchObject([{ name: "ops", waiting: 0, dead: 0 }]);
}, 240_000);

test("none of the events is missing at the receiver after the bus was killed, and repetitions have one id", async () => {
  const nodes = 20;
  await using fleet = await Fleet.start();
  await using receiver = await Receiver.start();
  let count = 0;
  receiver.behave = (received, response) => answer(++count % 7 === 0 ? 503 : 200)(received, response);
  await fleet.emulate(nodes, "n");
  // One that it is not for has its events in between.
  await fleet.agent("other", { env: "prod" });
  writeFileSync(
    join(fleet.home, "site", "notifications.ts"),
    notificationsOf(
      `ops: { on: "node.assigned", target: "env:dev", to: webhook({ url: "${receiver.url}" }), retry: { attempts: 50, first: "50ms" } }`,
    ),
  );
  await fleet.ok("notify", "list");
  for (let round = 1; round <= BUS_KILLS; round++) {
    await fleet.ok("assign", "*", `round=${round}`);
    await receiver.until(({ length }) => length >= (round - 1) * nodes + round);
    process.kill(fleet.busPid, "SIGKILL");
    // One that was asked while the bus came up may wait for its answer until it gives up.
    while ((await fleet.run("notify", "list")).code !== 0);
  }
  const eventOf = ({ body }: Received) => (JSON.parse(body) as { sequence: number }).sequence;
  const distinct = (all: readonly Received[]) => new Set(all.map(eventOf)).size;
  await receiver.until((all) => distinct(all) >= BUS_KILLS * nodes);
  const all = (await fleet.json<ToldEvent[]>("events", "node.assigned", "--since", "1h")).value;
  const told = all.filter(({ id }) => id !== "other");
  expect(all).toHaveLength(BUS_KILLS * (nodes + 1));
  expect(new Set(receiver.received.map(eventOf))).toEqual(new Set(told.map(({ sequence }) => sequence)));
  expect(new Set(receiver.ids).size).toBe(told.length);
  const list = () => fleet.json<{ notifiers: object[] }>("notify", "list");
  await expect
    .poll(async () => (await list()).value.notifiers, { timeout: 20_000 })
    .toMatchObject([{ name: "ops", waiting: 0, dead: 0 }]);
}, 400_000);
