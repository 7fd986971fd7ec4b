/** The node's own messages to the master, signed. They wait as long as the master is away, so they do not go stale. */
import {
  JOB_EXPIRY_MS_MAX,
  NodeEvent,
  type NodeEventBody,
  NodeGrains,
  NodeProgress,
  type NodeProgressBody,
  NodeReturn,
  type NodeReturnBody,
  open,
  readFrame,
  sameBytes,
  seal,
  type SealOptions,
  type Grains,
} from "@boma/protocol";

import type { MasterTime } from "./clock.ts";
import type { Identity } from "./identity.ts";
import type { KeptReturn } from "./journal.ts";
import { newMessageId } from "./outbox.ts";

/** No order lives longer, and so no answer is awaited longer. */
const LETTER_MS = 2 * JOB_EXPIRY_MS_MAX;

export interface Letters {
  readonly return: (body: NodeReturnBody) => KeptReturn;
  /** The same return under the node's present key, where it was signed with an earlier one. */
  readonly renew: (kept: KeptReturn) => KeptReturn;
  readonly progress: (body: NodeProgressBody) => Uint8Array;
  readonly grains: (body: { readonly revision: string; readonly grains: Grains }) => Uint8Array;
  readonly event: (body: NodeEventBody) => Uint8Array;
  /** The same event, said at the same time, under the node's present key. */
  readonly renewEvent: (frame: Uint8Array) => Uint8Array;
}

export function lettersOf(identity: Identity, time: MasterTime): Letters {
  const options = (now = time.now()): SealOptions => ({
    to: "master",
    key: identity.keys.sign,
    now,
    expires: now + LETTER_MS,
  });
  const isOurs = (frame: Uint8Array): boolean =>
    sameBytes(readFrame(frame).sender, identity.keys.sign.publicKey);
  return {
    return: (body) => ({ job: body.job, id: newMessageId(), frame: seal(NodeReturn, body, options()) }),
    renew(kept) {
      if (isOurs(kept.frame)) return kept;
      const { body } = open(NodeReturn, kept.frame, { trusts: () => true, to: "master", now: null });
      return { ...kept, frame: seal(NodeReturn, body, options()) };
    },
    progress: (body) => seal(NodeProgress, body, options()),
    grains: (body) => seal(NodeGrains, body, options()),
    event: (body) => seal(NodeEvent, body, options()),
    renewEvent(frame) {
      if (isOurs(frame)) return frame;
      const { body, at } = open(NodeEvent, frame, { trusts: () => true, to: "master", now: null });
      return seal(NodeEvent, body, options(at));
    },
  };
}
