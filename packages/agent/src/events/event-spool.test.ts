import { readFile, stat, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { expect, test, vi } from "vitest";

import { silentLog } from "../log.ts";
import { temporaryDirectory } from "../testing/support.ts";
import { EventSpool, type EventSpoolPorts } from "./event-spool.ts";

const telling = (path: string) =>
  ({ kind: "beacon.unit", data: { beacon: "b", level: "happened", unit: "u", path } }) as const;
const drifting = (key: string) => ({ kind: "node.started", data: { version: key, start: 1 } }) as const;

interface Letter {
  readonly id: string;
  readonly data: Uint8Array;
}

/** A bus that is away until it is opened; then it takes everything, in order. */
function gate() {
  const taken: Letter[] = [];
  const opened = Promise.withResolvers<void>();
  return {
    taken,
    open: () => opened.resolve(),
    texts: () => taken.map(({ data }) => readText(data)),
    send: async (letter: () => Letter): Promise<boolean> => {
      await opened.promise;
      taken.push(letter());
      return true;
    },
  };
}

const readText = (data: Uint8Array): string => {
  const { kind, data: said } = JSON.parse(Buffer.from(data).toString()) as {
    kind: string;
    data: Record<string, unknown>;
  };
  return kind === "node.events-lost"
    ? `lost ${String(said["count"])}`
    : String(said["path"] ?? said["version"]);
};

let clock = 0;
const ports = (dir: string, change: Partial<EventSpoolPorts>): EventSpoolPorts => ({
  path: join(dir, "events"),
  durable: true,
  log: silentLog,
  now: () => ++clock,
  sign: (body) => new Uint8Array(Buffer.from(JSON.stringify(body))),
  renew: (frame) => frame,
  send: gate().send,
  ...change,
});

const written = (path: string, fits: (size: number) => boolean): Promise<void> =>
  vi.waitFor(async () => expect(fits((await stat(path)).size)).toBe(true));

/** As a kill leaves it: nothing is closed. */
async function abandoned(dir: string, texts: readonly string[]): Promise<Buffer> {
  const spool = await EventSpool.open(ports(dir, {}));
  for (const text of texts) spool.tell(drifting(text));
  await vi.waitFor(async () => {
    const held = (await readFile(join(dir, "events"))).toString("latin1");
    for (const text of texts) expect(held).toContain(`"${text}"`);
  });
  const held = await readFile(join(dir, "events"));
  await spool.close();
  await writeFile(join(dir, "events"), held);
  return held;
}

test("what was told is sent in order and with its id by the next process, and then never again", async () => {
  await using dir = await temporaryDirectory();
  const texts = Array.from({ length: 300 }, (_, at) => `e${at}`);
  await abandoned(dir.path, texts);
  const first = gate();
  first.open();
  const spool = await EventSpool.open(ports(dir.path, first));
  await spool.idle();
  expect(first.texts()).toEqual(texts);
  expect(new Set(first.taken.map(({ id }) => id)).size).toBe(300);
  await spool.close();
  const second = gate();
  second.open();
  const again = await EventSpool.open(ports(dir.path, second));
  await again.idle();
  expect(second.taken).toEqual([]);
  await again.close();
});

test("an event that was sent, and of which that was not noted, goes again with the same id and bytes", async () => {
  await using dir = await temporaryDirectory();
  const before = await abandoned(dir.path, ["one"]);
  const sent: Letter[] = [];
  for (let time = 0; time < 2; time++) {
    await writeFile(join(dir.path, "events"), before);
    const bus = gate();
    bus.open();
    const spool = await EventSpool.open(ports(dir.path, bus));
    await spool.idle();
    sent.push(...bus.taken);
    await spool.close();
  }
  expect(sent).toHaveLength(2);
  expect(sent[1]).toEqual(sent[0]);
});

test("beyond the bound the oldest go, and their number is told once the way is free", async () => {
  await using dir = await temporaryDirectory();
  const bounds = { few: { events: 3, bytes: 1e6 }, plenty: { events: 5, bytes: 1e6 } };
  const away = await EventSpool.open(ports(dir.path, { bounds }));
  for (let at = 0; at < 9; at++) away.tell(telling(`b${at}`));
  for (let at = 0; at < 3; at++) away.tell(drifting(`d${at}`));
  for (let at = 9; at < 12; at++) away.tell(telling(`b${at}`));
  await away.close();
  const bus = gate();
  bus.open();
  const spool = await EventSpool.open(ports(dir.path, { bounds, ...bus }));
  await spool.idle();
  expect(bus.texts()).toEqual(["b7", "b8", "d0", "d1", "d2", "b9", "b10", "b11", "lost 7"]);
  await spool.close();
});

test("a torn end costs the last event at most, and nothing of what follows", async () => {
  await using dir = await temporaryDirectory();
  const path = join(dir.path, "events");
  const held = await abandoned(dir.path, ["one", "two", "three"]);
  await truncate(path, held.length - 5);
  const away = await EventSpool.open(ports(dir.path, {}));
  away.tell(drifting("four"));
  await away.close();
  const bus = gate();
  bus.open();
  const spool = await EventSpool.open(ports(dir.path, bus));
  await spool.idle();
  expect(bus.texts()).toEqual(["one", "two", "four"]);
  await spool.close();
});

test("a damaged middle costs what was there, and says how much that was", async () => {
  await using dir = await temporaryDirectory();
  const path = join(dir.path, "events");
  const held = await abandoned(dir.path, ["one", "two", "three", "four"]);
  const at = held.indexOf('"two"');
  held.fill(0xff, at, held.indexOf('"three"') + 4);
  await writeFile(path, held);
  const bus = gate();
  bus.open();
  const spool = await EventSpool.open(ports(dir.path, bus));
  await spool.idle();
  expect(bus.texts()).toEqual(["one", "four", "lost 2"]);
  expect((await readFile(`${path}.damaged`)).equals(held)).toBe(true);
  await spool.close();
});

test("a disk that is full loses nothing while this process lives, and gets it when there is room", async () => {
  await using dir = await temporaryDirectory();
  const path = join(dir.path, "events");
  let full = true;
  const warn = vi.fn<(fields: object, message: string) => void>();
  const { writeAtomic } = await import("../files.ts");
  const spool = await EventSpool.open(
    ports(dir.path, {
      log: { ...silentLog, warn },
      file: {
        retryMs: 5,
        rewrite: async (...args) => {
          if (full) throw new Error("ENOSPC: no space left on device");
          await writeAtomic(...args);
        },
      },
    }),
  );
  for (const text of ["one", "two"]) spool.tell(drifting(text));
  await vi.waitFor(() => expect(warn).toHaveBeenCalledTimes(1));
  full = false;
  await written(path, (size) => size > 100);
  await spool.close();
  const bus = gate();
  bus.open();
  const again = await EventSpool.open(ports(dir.path, bus));
  await again.idle();
  expect(bus.texts()).toEqual(["one", "two"]);
  expect(warn).toHaveBeenCalledTimes(1);
  await again.close();
});

test("an event that was signed with former keys is signed anew once, and keeps its id and its place", async () => {
  await using dir = await temporaryDirectory();
  await abandoned(dir.path, ["one", "two"]);
  const bus = gate();
  bus.open();
  const renewed = (frame: Uint8Array): Uint8Array =>
    readText(frame) === "one" ? new Uint8Array(Buffer.from(JSON.stringify(drifting("ONE")))) : frame;
  const spool = await EventSpool.open(ports(dir.path, { ...bus, renew: renewed }));
  await spool.idle();
  expect(bus.texts()).toEqual(["ONE", "two"]);
  await spool.close();
});

test("the file does not grow with what was sent long ago", async () => {
  await using dir = await temporaryDirectory();
  const bus = gate();
  bus.open();
  const bounds = { few: { events: 1, bytes: 1 }, plenty: { events: 2000, bytes: 1e7 } };
  const spool = await EventSpool.open(ports(dir.path, { ...bus, bounds, durable: false }));
  const long = "x".repeat(1500);
  for (let at = 0; at < 2000; at++) spool.tell(telling(`${at}${long}`));
  await spool.idle();
  await spool.close();
  expect(bus.taken).toHaveLength(2000);
  expect((await stat(join(dir.path, "events"))).size).toBeLessThan(2_500_000);
});
