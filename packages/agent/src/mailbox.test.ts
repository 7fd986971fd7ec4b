// Goal: whatever lies in or flies into the mailbox, each order is taken at most once, and only from the master.
import {
  BomaError,
  type JobOrder,
  Mailbox,
  newNkey,
  newSigningKey,
  seal,
  type SealOptions,
} from "@boma/protocol";
import { expect, test, vi } from "vitest";

import { readMailbox, receiveMail } from "./mailbox.ts";
import { key, mailBench, master } from "./testing/mail-bench.ts";
import { memoryBus, order } from "./testing/support.ts";

const mail = (
  number: number,
  jobs: JobOrder[],
  change: Partial<SealOptions> & { cancelled?: string[] } = {},
): Uint8Array => {
  const { cancelled = [], ...options } = change;
  return seal(Mailbox, { number, jobs, cancelled }, { to: key, key: master, ...options });
};

test("an order is taken once, however often it comes", async () => {
  const { ports, accepted, codes } = await mailBench();
  const one = order();
  receiveMail(mail(1, [one]), ports);
  receiveMail(mail(1, [one]), ports);
  receiveMail(mail(2, [one, order()]), ports);
  expect(accepted).toHaveLength(2);
  expect(codes).toEqual([]);
});

test("an older snapshot is refused, also by the next process", async () => {
  const { ports, accepted, codes, journal } = await mailBench();
  receiveMail(mail(5, []), ports);
  receiveMail(mail(4, [order()]), ports);
  expect([accepted, codes]).toEqual([[], ["wire/replay"]]);
  expect(journal.mailboxNumber).toBe(5);
});

test.each([
  ["another sender's", () => mail(1, [order()], { key: newSigningKey() }), "wire/sender"],
  ["another node's", () => mail(1, [order()], { to: newNkey.user().publicKey }), "wire/recipient"],
  ["an expired", () => mail(1, [order()], { now: 1000, expires: 2000 }), "wire/expired"],
  ["a garbled", () => Buffer.from("boma, but not a message"), "wire/version"],
] as const)("%s snapshot costs itself and nothing else", async (_, make, code) => {
  const { ports, accepted, codes } = await mailBench();
  receiveMail(make(), ports);
  receiveMail(mail(1, [order()]), ports);
  expect([accepted.length, codes]).toEqual([1, [code]]);
});

test("a cancelled order is not begun", async () => {
  const { ports, accepted, cancelled } = await mailBench();
  const [stay, go] = [order(), order()];
  receiveMail(mail(1, [stay, go], { cancelled: [go.job] }), ports);
  expect([accepted, cancelled]).toEqual([[stay.job], [go.job]]);
});

test("what is done and still listed is sent again after a connect, but not for every live snapshot", async () => {
  const { ports, accepted, resent, journal } = await mailBench();
  const one = order();
  const frame = new Uint8Array([1]);
  await journal.append(
    { kind: "done", job: one.job, expiresAt: one.expiresAt, id: "id", frame },
    { sync: false },
  );
  receiveMail(mail(1, [one]), ports);
  await readMailbox(
    memoryBus(() => ({ data: mail(1, [one]), status: 0 })),
    ports,
  );
  await vi.waitFor(() => expect(resent).toEqual([one.job]));
  expect(accepted).toEqual([]);
});

test("what is done and comes anew is sent again: a master that was put back from a backup lost it", async () => {
  const { ports, resent, journal } = await mailBench();
  const [one, other] = [order(), order()];
  const frame = new Uint8Array([1]);
  for (const { job, expiresAt } of [one, other])
    await journal.append({ kind: "done", job, expiresAt, id: job, frame }, { sync: false });
  await readMailbox(
    memoryBus(() => ({ data: mail(1, [other]), status: 0 })),
    ports,
  );
  await vi.waitFor(() => expect(resent).toEqual([other.job]));
  receiveMail(mail(2, [other, one]), ports);
  await vi.waitFor(() => expect(resent).toEqual([other.job, one.job]));
  receiveMail(mail(3, [other, one]), ports);
  await journal.append({ kind: "mailbox", number: 3 }, { sync: false });
  expect(resent).toEqual([other.job, one.job]);
});

test("an empty mailbox is no error; one that cannot be read is", async () => {
  const { ports, codes } = await mailBench();
  await readMailbox(
    memoryBus(() => ({ data: new Uint8Array(), status: 404 })),
    ports,
  );
  const broken = readMailbox(
    memoryBus(() => ({ data: new Uint8Array(), status: 408 })),
    ports,
  );
  await expect(broken).rejects.toBeInstanceOf(BomaError);
  expect(codes).toEqual([]);
});
