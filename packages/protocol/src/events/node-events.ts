import { z } from "zod";

import { byMaster, byNode } from "./event.ts";
import { Line, Name } from "./words.ts";

const Asking = z.strictObject({ fingerprint: Name, hostname: Line, reason: Line.optional() });

/** Who is there, who wants in, who has gone. */
export const nodeEvents = {
  "node.asked": byMaster("A machine asks to join and waits for a decision.", Asking),
  "node.token-refused": byMaster("A machine came with a boot token that does not hold.", Asking),
  "node.key-changed": byMaster("A known id or known hardware asks with another key.", Asking),
  "node.enrolled": byMaster(
    "A machine was approved and is now a node.",
    z.strictObject({
      fingerprint: Name,
      assurance: Name,
      by: Name,
      assigned: z.record(z.string(), z.union([z.string(), z.array(z.string())])),
    }),
  ),
  "node.denied": byMaster("A machine was denied.", z.strictObject({ fingerprint: Name })),
  "node.connected": byMaster(
    "A node is connected to the bus.",
    z.strictObject({ address: Line, since: z.number() }),
  ),
  "node.disconnected": byMaster(
    "A node lost its connection to the bus.",
    z.strictObject({ address: Line, reason: Line.optional() }),
  ),
  "node.duplicate": byMaster(
    "Two live sessions have one identity: the agent's directory was copied.",
    z.strictObject({ sessions: z.array(Line) }),
  ),
  "node.restored": byMaster(
    "A node came back with an older state than it had: its directory was restored.",
    z.strictObject({ start: z.number(), known: z.number() }),
  ),
  "node.assigned": byMaster(
    "An operator changed the assigned grains of a node.",
    z.strictObject({
      assigned: z.record(z.string(), z.union([z.string(), z.array(z.string())])),
      revision: z.number(),
    }),
  ),
  "node.revoked": byMaster("The identity of a node was revoked.", z.strictObject({})),
  "node.rekeyed": byMaster(
    "A node moved to new keys.",
    z.strictObject({ formerKey: Name, fingerprint: Name }),
  ),
  "node.started": byNode("An agent started.", z.strictObject({ version: Name, start: z.number() })),
  "node.rolled-back": byNode(
    "A new version of the agent did not work; the one before runs again.",
    z.strictObject({ from: Name, to: Name, why: Line }),
  ),
  "node.stopping": byNode("An agent stops.", z.strictObject({})),
  "node.message-refused": byNode(
    "A node refused a message from the bus.",
    z.strictObject({ code: Name, subject: Line, message: Line, unreported: z.number() }),
  ),
  "node.journal-corrupt": byNode(
    "The journal of an agent is damaged; it refuses all work.",
    z.strictObject({ path: Line, bytes: z.number() }),
  ),
  "node.events-lost": byNode(
    "A node had more to say than it may keep while it is cut off; the oldest of it is lost.",
    z.strictObject({ count: z.int().positive(), since: z.number(), until: z.number() }),
  ),
  "grains.changed": byMaster(
    "A node claims other grains than before.",
    z.strictObject({
      revision: Name,
      changed: z.array(z.string()).optional(),
      first: z.boolean().optional(),
    }),
  ),
  "message.refused": byMaster(
    "The master refused a message; the connection that sent it is named.",
    z.strictObject({
      code: Name,
      message: z.string(),
      subject: Line,
      connections: z.array(Line),
      more: z.number(),
    }),
  ),
  "bundle.refused": byNode(
    "A node refused the site's own states, because they are not what the release key signed.",
    z.strictObject({ digest: Name, why: Line }),
  ),
};
