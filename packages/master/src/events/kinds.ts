/** Every kind of event, and what it says. A node can only cause those that are marked so, and only about itself. */
export const EVENT_KINDS = {
  "node.asked": "A machine asks to join and waits for a decision.",
  "node.enrolled": "A machine was approved and is now a node.",
  "node.denied": "A machine was denied.",
  "node.token-refused": "A machine came with a boot token that does not hold.",
  "node.key-changed": "A known id or known hardware asks with another key.",
  "node.connected": "A node is connected to the bus.",
  "node.disconnected": "A node lost its connection to the bus.",
  "node.duplicate": "Two live sessions have one identity: the agent's directory was copied.",
  "node.restored": "A node came back with an older state than it had: its directory was restored.",
  "node.assigned": "An operator changed the assigned grains of a node.",
  "node.revoked": "The identity of a node was revoked.",
  "node.rekeyed": "A node moved to new keys.",
  "node.started": "An agent started (said by the node).",
  "node.stopping": "An agent stops (said by the node).",
  "node.message-refused": "A node refused a message from the bus (said by the node).",
  "node.journal-corrupt": "The journal of an agent is damaged; it refuses all work (said by the node).",
  "grains.changed": "A node claims other grains than before.",
  "message.refused": "The master refused a message; the connection that sent it is named.",
  "job.started": "A job was given out.",
  "job.accepted": "A node began a job that takes a while.",
  "bundle.refused": "A node refused the site's own states, because they are not what the release key signed.",
  "job.step": "Declarations of a catalog that ended on a node, with their results.",
  "job.line": "Lines that a running function printed.",
  "job.returned": "A node ended a job.",
  "job.late": "A return came after its job was closed; it changes nothing.",
  "job.cancelled": "An operator cancelled a job.",
  "job.finished": "Every node of a job has ended.",
  "secret.forgotten": "An operator let go of a generated secret; the next job that needs it makes another.",
  "token.created": "A boot token was made.",
  "token.revoked": "A boot token was withdrawn.",
  "operator.added": "An operator was added or changed.",
  "operator.removed": "An operator was removed.",
  "operator.denied": "An operator asked for something that the role does not allow.",
  "master.started": "A master took up its work.",
  "master.bus": "The embedded bus changed its state.",
} as const;

export type EventKind = keyof typeof EVENT_KINDS;

/** `job.*`, `node.enrolled`, `*`: a star stands for any text. */
export function kindPattern(pattern: string): (kind: string) => boolean {
  const parts = pattern.split("*");
  if (parts.length === 1) return (kind) => kind === pattern;
  const [first = "", last = ""] = [parts[0], parts.at(-1)];
  return (kind) => {
    if (kind.length < first.length + last.length || !kind.startsWith(first) || !kind.endsWith(last))
      return false;
    let at = first.length;
    for (const middle of parts.slice(1, -1)) {
      const found = kind.indexOf(middle, at);
      if (found < 0 || found + middle.length > kind.length - last.length) return false;
      at = found + middle.length;
    }
    return true;
  };
}
