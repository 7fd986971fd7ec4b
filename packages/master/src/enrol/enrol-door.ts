/** Where strangers knock: `boma.enrol.KEY`, at a server of a site `boma.enrol.SITE.KEY`. A request is held until somebody decides, or for a while. */
import {
  addressesOf,
  addressInSubject,
  ENROL_HOLD_MS,
  EnrolAnswer,
  EnrolAsk,
  fingerprint,
  open,
  sameBytes,
  seal,
  subjects,
  withManifest,
  BomaError,
} from "@boma/protocol";
import type { Msg, NatsConnection } from "nats";

import type { Keyring } from "../keyring.ts";
import { DoorShare } from "../nodes/door-share.ts";
import type { Refused } from "../nodes/refusals.ts";
import type { Admit } from "./admit.ts";
import type { Asked } from "./asked.ts";
import type { Decision, Enrolment } from "./enrolment.ts";

interface Parts {
  readonly enrolment: Enrolment;
  readonly keyring: () => Keyring;
  readonly admit: Admit;
  readonly refused: Refused;
}

/** Strangers make up as many keys as they like; a whole fleet that boots at once is less than this in ten seconds. */
const ASKS_MAX = 5_000;

export function openEnrolDoor(control: NatsConnection, parts: Parts): void {
  const share = new DoorShare(ASKS_MAX);
  const look = async (message: Msg): Promise<void> => {
    share.assert(message.subject);
    await answer(message, parts);
  };
  for (const address of addressesOf("*"))
    control.subscribe(subjects.enrol(address), {
      queue: "masters",
      callback: (_error, message) => {
        look(message).catch((error: unknown) => parts.refused(message.subject, error, message));
      },
    });
}

async function answer(message: Msg, { enrolment, keyring, admit }: Parts): Promise<void> {
  const { ask, nonce } = readAsk(message);
  let decision = await enrolment.decide(ask, nonce);
  // What is news is told at once, for the machine's console; when it asks again, the request is held.
  if (decision.status !== "approved" && decision.isNews === false) {
    await enrolment.room.decision(fingerprint(ask), ENROL_HOLD_MS);
    decision = await enrolment.decide(ask, nonce);
  }
  const { sign, manifest } = keyring();
  const body = { nonce, time: Date.now(), ...(await answerOf(decision, admit)) };
  message.respond(withManifest(manifest, seal(EnrolAnswer, body, { to: ask.nkey, key: sign })));
}

async function answerOf(decision: Decision, admit: Admit) {
  if (decision.status !== "approved") {
    const { status, reason } = decision;
    return { status, ...(reason !== undefined && { reason }) };
  }
  const { node } = decision;
  return {
    status: decision.status,
    id: node.id,
    assigned: node.assigned,
    ...(await admit(node)),
  };
}

/** The request proves its own signing key, and the server has checked the nkey in the subject; both must be the ones it names. */
function readAsk(message: Msg): { ask: Asked; nonce: Uint8Array } {
  // A machine at its first boot may believe that it is 1970: its time is not judged here, the nonce is answered instead.
  const envelope = open(EnrolAsk, message.data, { trusts: () => true, to: "master", now: null });
  const ask = envelope.body;
  const { key, site } = addressInSubject(message.subject);
  if (!sameBytes(ask.sign, envelope.sender) || ask.nkey !== key)
    throw new BomaError("wire/sender", "an enrolment names other keys than the ones that it came with");
  return { ask: { ...ask, ...(site !== undefined && { site }) }, nonce: envelope.nonce };
}
