/** A machine asks to join; the master answers. Subject: `boma.enrol.KEY`, from the ENROL account. */
import { z } from "zod";

import { Bytes } from "../codec.ts";
import { defineMessage } from "../envelope.ts";
import { Assigned } from "../grains.ts";
import { NodeId, NodeKey, Nonce } from "../ids.ts";
import { PublicKey } from "../keys.ts";
import { ENROL_BYTES_MAX } from "../limits.ts";

const Text = z.string().max(255);

/** By what a node is let in, and where; without `servers` those that it began with. */
export const Admission = z.strictObject({
  credential: z.string().max(4096),
  servers: z.array(Text).min(1).max(16).optional(),
});
export type Admission = z.output<typeof Admission>;

/** How to knock at an account: for a node that must ask anew one day, when the key that it came with is void. */
export const Knocking = z.strictObject({ account: z.string().max(60), seed: z.string().max(60) });
export type Knocking = z.output<typeof Knocking>;

/** What a machine says of its hardware and its boot. Claims, every one: an operator or a rule decides. */
export const HardwareClaims = z.strictObject({
  hostname: Text,
  arch: Text,
  model: Text.optional(),
  uuid: Text.optional(),
  serial: Text.optional(),
  macs: z.array(Text).max(64),
  /** Assigned grains that the boot line asks for, such as `boma.env=dev`. Shown, and accepted only by policy. */
  wants: Assigned,
});
export type HardwareClaims = z.output<typeof HardwareClaims>;

export const EnrolAsk = defineMessage({
  kind: "enrol.ask",
  schema: 1,
  bytesMax: ENROL_BYTES_MAX,
  body: z.strictObject({
    nkey: NodeKey,
    sign: PublicKey,
    seal: PublicKey,
    id: NodeId,
    agentVersion: z.string().max(40),
    claims: HardwareClaims,
    token: z.strictObject({ id: z.string().max(16), proof: Bytes }).optional(),
  }),
});
export type EnrolAskBody = z.output<typeof EnrolAsk.body>;

export const ENROL_STATUS = ["pending", "approved", "denied", "changed-key", "token-refused"] as const;

export const EnrolAnswer = defineMessage({
  kind: "enrol.answer",
  schema: 1,
  bytesMax: ENROL_BYTES_MAX,
  body: z.strictObject({
    status: z.enum(ENROL_STATUS),
    /** The nonce of the request that this answers. */
    nonce: Nonce,
    /** The master's time, from which the machine learns how wrong its clock is. */
    time: z.number().int(),
    reason: z.string().max(500).optional(),
    id: NodeId.optional(),
    assigned: Assigned.optional(),
    ...Admission.partial().shape,
  }),
});
export type EnrolAnswerBody = z.output<typeof EnrolAnswer.body>;
