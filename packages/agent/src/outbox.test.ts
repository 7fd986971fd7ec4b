import { join } from "node:path";

import { newJobId } from "@boma/protocol";
import { expect, test, vi } from "vitest";

import type { BusMessage } from "./bus.ts";
import { Journal } from "./journal.ts";
import { Outbox } from "./outbox.ts";
import { acknowledged, memoryBus, temporaryDirectory } from "./testing/support.ts";

const kept = (job = newJobId()) => ({ job, id: `id-${job}`, frame: new Uint8Array(Buffer.from(job)) });

async function recorded(path: string, ...returns: readonly ReturnType<typeof kept>[]): Promise<Journal> {
  const journal = await Journal.open(join(path, "journal"));
  for (const one of returns)
    await journal.append({ kind: "done", ...one, expiresAt: Date.now() + 60_000 }, { sync: false });
  return journal;
}

test("a return is sent with the same id and bytes until it is acknowledged, and then never again", async () => {
  await using dir = await temporaryDirectory();
  const one = kept();
  const journal = await recorded(dir.path, one);
  const outbox = new Outbox({ key: () => "KEY", journal, firstRetryMs: 1 });
  const answers: (() => BusMessage)[] = [
    () => {
      throw new Error("no responders");
    },
    () => ({ data: Buffer.from('{"error":{"code":503,"description":"no space"}}'), status: 0 }),
    () => ({ data: Buffer.from("garbage"), status: 0 }),
    () => acknowledged,
  ];
  const bus = memoryBus((_, count) => answers[count - 1]!());
  outbox.sendReturn(one);
  outbox.attach(bus);
  outbox.sendReturn(one);
  await vi.waitFor(() => expect(outbox.waiting).toBe(0));
  expect(bus.sent).toHaveLength(4);
  for (const { subject, data, options } of bus.sent) {
    expect(subject).toBe("boma.in.KEY.return");
    expect(Buffer.from(data).toString()).toBe(one.job);
    expect(options.headers).toEqual({ "Nats-Msg-Id": one.id });
  }
  expect(await journal.unsent()).toEqual([]);
  await journal.close();
});

test("what was not acknowledged is offered again by the next process", async () => {
  await using dir = await temporaryDirectory();
  const one = kept();
  const journal = await recorded(dir.path, one);
  const outbox = new Outbox({ key: () => "KEY", journal, firstRetryMs: 1 });
  outbox.attach(memoryBus(() => Promise.reject(new Error("away"))));
  outbox.sendReturn(one);
  await outbox.drain(20);
  await journal.close();
  const again = await Journal.open(join(dir.path, "journal"));
  expect((await again.unsent()).map(({ id }) => id)).toEqual([one.id]);
  await again.close();
});

test("progress that waits beyond the bound is left out, and the caller knows", async () => {
  await using dir = await temporaryDirectory();
  const journal = await recorded(dir.path);
  const outbox = new Outbox({ key: () => "KEY", journal });
  const taken = Array.from({ length: 300 }, () => outbox.sendLoose("progress", new Uint8Array()));
  expect(taken.filter(Boolean)).toHaveLength(256);
  await outbox.drain(0);
  await journal.close();
});

test("of the grains that could not be sent only the newest go out", async () => {
  await using dir = await temporaryDirectory();
  const journal = await recorded(dir.path);
  const outbox = new Outbox({ key: () => "KEY", journal, firstRetryMs: 1 });
  for (const text of ["first", "second", "third"]) outbox.sendGrains(new Uint8Array(Buffer.from(text)));
  const bus = memoryBus();
  outbox.attach(bus);
  await vi.waitFor(() => expect(bus.sent).toHaveLength(1));
  outbox.sendGrains(new Uint8Array(Buffer.from("fourth")));
  await vi.waitFor(() =>
    expect(bus.sent.map(({ data }) => Buffer.from(data).toString())).toEqual(["third", "fourth"]),
  );
  await outbox.drain(0);
  await journal.close();
});
