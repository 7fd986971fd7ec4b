/**
 * The orders that lie in the node's mailbox on the bus, one signed snapshot. It
 * comes live, and is read anew after each connect; whatever way it came, every
 * order in it is taken at most once.
 */
import { asBomaError, BomaError, Mailbox, type MailboxBody, open, subjects } from "@boma/protocol";

import type { Bus } from "./bus.ts";
import type { MasterTime } from "./clock.ts";
import type { Jobs } from "./jobs.ts";
import type { Journal } from "./journal.ts";
import type { Outbox } from "./outbox.ts";
import type { Trust } from "./trust.ts";

const READ_MS = 5_000;
const NOT_FOUND = 404;

export interface MailboxPorts {
  readonly key: () => string;
  readonly trust: Trust;
  readonly time: MasterTime;
  readonly journal: Journal;
  readonly jobs: Jobs;
  readonly outbox: Outbox;
  /** The orders of the snapshot before; `undefined` until the mailbox was read. */
  listed: ReadonlySet<string> | undefined;
  /** One bad message costs that message; the caller reports it, and learns the newest keys where they may be missing. */
  readonly refused: (error: BomaError, subject: string) => void;
}

/** A snapshot that came by itself. */
export function receiveMail(data: Uint8Array, ports: MailboxPorts): void {
  const mail = openMail(data, ports);
  if (mail) takeOrders(mail, ports, { again: false });
}

/** Asks the bus for the snapshot that it keeps; throws when the bus does not answer. */
export async function readMailbox(bus: Bus, ports: MailboxPorts): Promise<void> {
  const answer = await bus.request(subjects.readMail(ports.key()), new Uint8Array(), { timeoutMs: READ_MS });
  if (answer.status === NOT_FOUND) return;
  if (answer.status !== 0)
    throw new BomaError("bus/unreachable", `the mailbox cannot be read: status ${answer.status}`);
  const mail = openMail(answer.data, ports);
  if (mail) takeOrders(mail, ports, { again: true });
}

function openMail(data: Uint8Array, ports: MailboxPorts): MailboxBody | undefined {
  const { trust, time, journal } = ports;
  try {
    const { body } = open(Mailbox, data, { trusts: trust.trusts, to: ports.key(), now: time.now() });
    if (body.number < journal.mailboxNumber)
      throw new BomaError(
        "wire/replay",
        `mailbox ${body.number} is older than ${journal.mailboxNumber}, which was seen`,
      );
    if (body.number > journal.mailboxNumber)
      journal.append({ kind: "mailbox", number: body.number }, { sync: false }).catch(() => undefined);
    return body;
  } catch (thrown) {
    ports.refused(asBomaError(thrown), subjects.mail(ports.key()));
    return undefined;
  }
}

function takeOrders(mail: MailboxBody, ports: MailboxPorts, { again }: { again: boolean }): void {
  const { journal, jobs, outbox } = ports;
  const before = ports.listed;
  const isAsked = (job: string): boolean => again || (before !== undefined && !before.has(job));
  if (again || before) ports.listed = new Set(mail.jobs.map(({ job }) => job));
  const cancelled = new Set(mail.cancelled);
  for (const job of cancelled) jobs.cancel(job);
  for (const order of mail.jobs) {
    if (cancelled.has(order.job) || jobs.has(order.job)) continue;
    const state = journal.stateOf(order.job);
    if (state === undefined) jobs.accept(order);
    // The master still waits for what was handed over once: it may have lost it before it was stored, or with its disk.
    else if (state === "done" && isAsked(order.job))
      void journal
        .returnOf(order.job)
        .then((kept) => kept && outbox.sendReturn(kept))
        .catch(() => undefined);
  }
}
