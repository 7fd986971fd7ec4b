/** An operator asks, the master answers and tells what follows. Subjects: `boma.api.KEY.VERB`, `boma.feed.KEY.SESSION`. */
import { z } from "zod";

import { defineMessage } from "../envelope.ts";
import { Nonce, Session } from "../ids.ts";

export const VERBS = [
  "master.status",
  "nodes.list",
  "nodes.grains",
  "nodes.assign",
  "nodes.revoke",
  "nodes.rekey",
  "nodes.forget",
  "target.resolve",
  "job.start",
  "job.list",
  "job.show",
  "job.attach",
  "job.cancel",
  "lease.list",
  "lease.end",
  "permit.sign",
  "plan.store",
  "plan.list",
  "catalog.list",
  "catalog.show",
  "catalog.diff",
  "enroll.list",
  "enroll.approve",
  "enroll.deny",
  "enroll.allow",
  "token.create",
  "token.list",
  "token.revoke",
  "join-key.list",
  "join-key.new",
  "join-key.retire",
  "netboot.open",
  "netboot.close",
  "netboot.status",
  "netboot.trust",
  "netboot.boot",
  "netboot.tell",
  "operator.list",
  "operator.add",
  "operator.remove",
  "operator.renew",
  "secret.check",
  "secret.list",
  "secret.forget",
  "events.next",
  "subscriber.list",
  "subscriber.done",
  "subscriber.remove",
  "notify.list",
  "notify.dead",
  "notify.retry",
  "notify.test",
  "drift.list",
  "terraform.list",
  "terraform.plans",
  "terraform.show",
  "terraform.store",
  "terraform.approve",
  "site.check",
  "site.pillar",
  "profile.list",
  "profile.explain",
  "profile.set",
  "reactor.list",
  "reactor.allow",
  "reactor.stop",
  "reactor.resume",
  "reactor.tell",
  "feed.keep",
  "master.rotate",
  "audit.next",
  "audit.copies",
  "audit.heads",
  "audit.status",
  "audit.others",
  "audit.other",
] as const;
export type Verb = (typeof VERBS)[number];

export const ApiRequest = defineMessage({
  kind: "api.request",
  schema: 1,
  body: z.strictObject({
    verb: z.enum(VERBS),
    args: z.unknown(),
    /** Where the operator listens for what does not fit into one answer or comes later. */
    session: Session,
    /** What the master gave to be said again, if it did. */
    challenge: Nonce.optional(),
  }),
});

const ApiError = z.strictObject({ code: z.string(), message: z.string(), hint: z.string() });

export const ApiAnswer = defineMessage({
  kind: "api.answer",
  schema: 1,
  body: z.strictObject({
    nonce: Nonce,
    /** The whole result, where it is one and fits. */
    result: z.unknown().optional(),
    error: ApiError.optional(),
    /** The result comes as feed items, up to one that ends it. */
    feed: z.boolean(),
    /** Nothing was done: the request has to be made anew, with this in it. */
    challenge: Nonce.optional(),
  }),
});

export const FeedItem = defineMessage({
  kind: "feed.item",
  schema: 1,
  body: z.strictObject({
    /** Counts from 0; a gap tells the reader that it must ask again. */
    part: z.number().int().nonnegative(),
    items: z.array(z.unknown()),
    end: z.strictObject({ error: ApiError.optional() }).optional(),
  }),
});
