import { Assigned, BomaError, fingerprintWords, readFingerprint } from "@boma/protocol";
import { z } from "zod";

import type { Waiting } from "../../enrol/waiting-room.ts";
import { defineVerb } from "../verb.ts";

const waitingView = ({ ask, fingerprint, since, lastAt, status, reason }: Waiting) => ({
  id: ask.id,
  fingerprint,
  words: fingerprintWords(fingerprint),
  status,
  ...(reason !== undefined && { reason }),
  since,
  lastAt,
  agentVersion: ask.agentVersion,
  claims: ask.claims,
});
export type WaitingView = ReturnType<typeof waitingView>;

export const enrollList = defineVerb({
  verb: "enroll.list",
  right: "read",
  args: z.strictObject({}),
  async answer(_, { control }) {
    return { waiting: control.enrolment.room.list().map(waitingView), allowed: control.allowList.list() };
  },
});

/** The one machine that is meant, by id, by fingerprint, or by both. */
function find(waiting: readonly Waiting[], id: string | undefined, fingerprint: string | undefined): Waiting {
  const wanted = fingerprint === undefined ? undefined : readFingerprint(fingerprint);
  const byId = id === undefined ? waiting : waiting.filter(({ ask }) => ask.id === id);
  if (byId.length === 0) throw new BomaError("enrol/unknown", `nobody asks to join as ${JSON.stringify(id)}`);
  const found = byId.filter((entry) => fingerprint === undefined || entry.fingerprint === wanted);
  if (found.length === 1) return found[0]!;
  if (found.length === 0)
    throw new BomaError("enrol/fingerprint", `no machine that asks has the fingerprint ${fingerprint}`);
  throw new BomaError("usage/argument", `${found.length} machines ask to join as ${id}`, {
    hint: `Say which: ${found.map((entry) => `--fingerprint ${entry.fingerprint}`).join("  or  ")}`,
  });
}

const Which = { id: z.string().optional(), fingerprint: z.string().max(64).optional() };

export const enrollApprove = defineVerb({
  verb: "enroll.approve",
  right: "admin",
  args: z.strictObject({ ...Which, as: z.string().optional(), assigned: Assigned, wanted: z.boolean() }),
  async answer({ id, fingerprint, as, assigned, wanted }, { control, operator }) {
    const waiting = find(control.enrolment.room.list(), id, fingerprint);
    const given = wanted ? { ...waiting.ask.claims.wants, ...assigned } : assigned;
    const node = await control.enrolment.approve(waiting, {
      by: operator.name,
      id: as,
      fingerprint,
      assigned: given,
    });
    return {
      id: node.id,
      key: node.key,
      fingerprint: node.fingerprint,
      assurance: node.assurance,
      assigned: node.assigned,
    };
  },
});

export const enrollDeny = defineVerb({
  verb: "enroll.deny",
  right: "admin",
  args: z.strictObject(Which),
  async answer({ id, fingerprint }, { control, operator }) {
    const waiting = find(control.enrolment.room.list(), id, fingerprint);
    await control.enrolment.deny(waiting, operator.name);
    return { id: waiting.ask.id, fingerprint: waiting.fingerprint };
  },
});

export const enrollAllow = defineVerb({
  verb: "enroll.allow",
  right: "admin",
  args: z.strictObject({
    by: z.enum(["mac", "uuid", "serial"]),
    value: z.string().min(1).max(255),
    assigned: Assigned,
    remove: z.boolean(),
  }),
  async answer({ remove, ...rule }, { control, operator }) {
    if (remove) await control.allowList.remove(rule);
    else await control.allowList.add({ ...rule, addedBy: operator.name });
    return { by: rule.by, value: rule.value, removed: remove };
  },
});
