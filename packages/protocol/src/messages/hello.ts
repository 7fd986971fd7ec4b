/** An agent announces itself after each connect; the master answers with its time and what the node is. Subject: `boma.rpc.KEY.hello`. */
import { z } from "zod";

import { Bytes } from "../codec.ts";
import { defineMessage } from "../envelope.ts";
import { Assigned } from "../grains.ts";
import { NodeId, Nonce } from "../ids.ts";
import { PublicKey } from "../keys.ts";
import { Admission, Knocking } from "./enrol.ts";

export const NodeHello = defineMessage({
  kind: "node.hello",
  schema: 1,
  bytesMax: 16 * 1024,
  body: z.strictObject({
    /** Random per process, so that two live copies of one identity can be told apart. */
    session: z.string().max(32),
    /** Counted up in the state directory at each start; a lower one than seen means a restored copy. */
    start: z.number().int().nonnegative(),
    bootId: z.string().max(64),
    agentVersion: z.string().max(40),
    speaks: z.array(z.number().int()).min(1).max(8),
    grains: z.string().max(64),
    /** The nonce of the master's question that this answers, if it answers one. */
    asked: Nonce.optional(),
    wantsCredential: z.boolean(),
    /** By which addresses it knows its bus; a site's server may have got others. */
    servers: z.array(z.string().max(255)).max(16).optional(),
  }),
});
export type NodeHelloBody = z.output<typeof NodeHello.body>;

export const MasterWelcome = defineMessage({
  kind: "master.welcome",
  schema: 1,
  bytesMax: 64 * 1024,
  body: z.strictObject({
    nonce: Nonce,
    time: z.number().int(),
    id: NodeId,
    assigned: Assigned,
    assignedRevision: z.number().int().nonnegative(),
    ...Admission.partial().shape,
    /** It belongs behind another server, where this credential is good. */
    elsewhere: z.literal(true).optional(),
    /** The revision of the grains that the master holds; another one than the agent's asks for them. */
    grains: z.string().max(64).optional(),
    /** At the centre, and at its site where that has a server of its own. */
    knocking: z.array(Knocking).max(2).optional(),
    /** An operator wants this node to make new keys. */
    rekey: z.boolean(),
    /** Another live session has this identity: neither gets work that carries secrets. */
    duplicate: z.boolean(),
  }),
});
export type MasterWelcomeBody = z.output<typeof MasterWelcome.body>;

/** A node moves to new keys; the envelope is signed by the old one. Subject: `boma.rpc.KEY.rekey`. */
export const NodeRekey = defineMessage({
  kind: "node.rekey",
  schema: 1,
  bytesMax: 4 * 1024,
  body: z.strictObject({
    nkey: z.string().max(60),
    sign: PublicKey,
    seal: PublicKey,
    /** The new signing key's own signature over the three new keys and the old one. */
    possession: Bytes,
  }),
});

export const MasterRekeyed = defineMessage({
  kind: "master.rekeyed",
  schema: 1,
  bytesMax: 8 * 1024,
  body: z.strictObject({ nonce: Nonce, ...Admission.shape }),
});

/** What the new signing key signs when a node moves to new keys. */
export const rekeyStatement = (
  next: { nkey: string; sign: Uint8Array; seal: Uint8Array },
  oldNkey: string,
): Uint8Array =>
  Buffer.concat([Buffer.from(`boma/1/rekey\0${oldNkey}\0${next.nkey}\0`), next.sign, next.seal]);

/** A live question to one node. Subject: `boma.ask.KEY`; the answer is a hello or a grains message. */
export const MasterAsk = defineMessage({
  kind: "master.ask",
  schema: 1,
  bytesMax: 2 * 1024,
  body: z.strictObject({ question: z.enum(["who", "grains"]) }),
});
