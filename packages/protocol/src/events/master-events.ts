import { z } from "zod";

import { byMaster } from "./event.ts";
import { Line, Moment, Name } from "./words.ts";

const Sequence = z.int();

/** What operators, masters and the site's own reactors do. */
export const masterEvents = {
  "secret.forgotten": byMaster(
    "An operator let go of a generated secret; the next job that needs it makes another.",
    z.strictObject({ name: Name, node: Name.optional() }),
  ),
  "token.created": byMaster("A boot token was made.", z.record(z.string(), z.unknown())),
  "token.revoked": byMaster("A boot token was withdrawn.", z.strictObject({ token: Name })),
  "join-key.made": byMaster(
    "There is another key by which machines knock: images, join files and tokens made from now on carry it.",
    z.strictObject({ number: z.int() }),
  ),
  "join-key.retired": byMaster(
    "Images, join files and tokens with this key open the door no more.",
    z.strictObject({ number: z.int() }),
  ),
  "site.connected": byMaster(
    "A site's own nats-server has its line to the centre.",
    z.strictObject({ site: Name }),
  ),
  "site.disconnected": byMaster(
    "A site's own nats-server has lost its line to the centre: its nodes go on by themselves, and are heard when it is back.",
    z.strictObject({ site: Name }),
  ),
  "operator.added": byMaster(
    "An operator was added or changed.",
    z.strictObject({ name: Name, rights: z.unknown() }),
  ),
  "operator.removed": byMaster("An operator was removed.", z.strictObject({ name: Name })),
  "operator.denied": byMaster(
    "An operator asked for something that the role does not allow.",
    z.strictObject({ verb: Name, reason: z.string() }),
  ),
  "approval.given": byMaster(
    "Somebody let happen what waits for a person's word.",
    z.strictObject({ what: Name, subject: Name, fingerprint: Name.optional() }),
  ),
  "approval.denied": byMaster(
    "Somebody refused what waits for a person's word.",
    z.strictObject({ what: Name, subject: Name, fingerprint: Name.optional() }),
  ),
  "master.started": byMaster("A master took up its work.", z.strictObject({ workingKey: Name })),
  "master.alarm": byMaster(
    "A master cannot do all that it should: its audit cannot be written or copied, a stream is full.",
    z.strictObject({ what: Name, message: Line }),
  ),
  "subscriber.behind": byMaster(
    "A subscriber stood still for longer than events are kept: what was dropped meanwhile it will not get.",
    z.strictObject({ subscriber: Name, lost: z.int().positive(), until: Sequence }),
  ),
  "reactor.fired": byMaster(
    "A reactor was given an event and did what it does.",
    z.strictObject({
      reactor: Name,
      event: Sequence,
      kind: Name,
      ms: z.number(),
      did: z.array(Line).max(100),
    }),
  ),
  "reactor.failed": byMaster(
    "A reactor failed at an event; it is tried again, or given up.",
    z.strictObject({
      reactor: Name,
      event: Sequence,
      kind: Name,
      error: Line,
      attempt: z.int(),
      givenUp: z.boolean(),
    }),
  ),
  "reactor.limited": byMaster(
    "A reactor has more events than it may handle; they wait.",
    z.strictObject({ reactor: Name, limit: Name, until: Moment }),
  ),
  "reactor.stopped": byMaster(
    "A reactor was stopped: it set itself off, or an operator said so.",
    z.strictObject({ reactor: Name, why: Line, chain: z.array(Name).max(32) }),
  ),
  "reactor.said": byMaster(
    "An event of the site's own, told by one of its reactors.",
    z.strictObject({ name: Name, reactor: Name, value: z.unknown() }),
  ),
  "notification.failed": byMaster(
    "A notification could not be delivered; it is tried again.",
    z.strictObject({ notifier: Name, event: Sequence, attempt: z.int(), error: Line }),
  ),
  "notification.dead": byMaster(
    "A notification was given up; it is kept in the list of the dead, to be sent by hand.",
    z.strictObject({ notifier: Name, event: Sequence, attempts: z.int(), error: Line }),
  ),
};
