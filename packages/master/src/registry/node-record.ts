import { Assigned, HardwareClaims, NodeId, NodeKey, PublicKey } from "@boma/protocol";
import { z } from "zod";

/** The rung of the enrolment ladder that a node reached. Policies and targets may ask for it. */
const ASSURANCE = ["hardware-claim", "boot-token", "fingerprint", "operator"] as const;

/** What the master knows of a node for certain, because it decided it. */
export const NodeRecord = z.strictObject({
  key: NodeKey,
  id: NodeId,
  sign: PublicKey,
  seal: PublicKey,
  fingerprint: z.string(),
  status: z.enum(["approved", "revoked"]),
  assurance: z.enum(ASSURANCE),
  approvedBy: z.string(),
  approvedAt: z.number(),
  revokedAt: z.number().optional(),
  assigned: Assigned,
  assignedRevision: z.number(),
  claims: HardwareClaims,
  /** The highest start counter seen, and the session that sent it: a lower one later means a restored copy. */
  start: z.number(),
  session: z.string(),
  agentVersion: z.string(),
  /** An operator wants new keys from this node. */
  rekey: z.boolean(),
  /** It runs from memory: every boot is a new identity, and the one before is over. */
  diskless: z.boolean().optional(),
  /** The key that this node had before it moved to this one. */
  formerKey: NodeKey.optional(),
  formerSign: PublicKey.optional(),
  movedAt: z.number().optional(),
});
export type NodeRecord = z.output<typeof NodeRecord>;
