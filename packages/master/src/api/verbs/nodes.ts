import { Assigned, BomaError, parseTarget, selectNodes } from "@boma/protocol";
import { z } from "zod";

import type { Control } from "../../control.ts";
import { moveMail } from "../../mail/move.ts";
import type { NodeRecord } from "../../registry/node-record.ts";
import { authorise } from "../rights.ts";
import { defineVerb } from "../verb.ts";

const Target = z.string().min(1);

/** The approved nodes that a target means, and those it cannot tell about. */
export function resolve(control: Control, target: string): { nodes: NodeRecord[]; unknown: string[] } {
  const { registry } = control;
  const byId = new Map([...registry.approved()].map((node) => [node.id, node]));
  const targetNodes = [...byId.values()].map((node) => registry.targetNode(node));
  const { matched, unknown } = selectNodes(parseTarget(target), targetNodes, control.nodegroups());
  return { nodes: matched.map((id) => byId.get(id)!), unknown: [...unknown] };
}

/** The same, where nothing to act on is a mistake. */
export function resolveSome(control: Control, target: string): NodeRecord[] {
  const { nodes, unknown } = resolve(control, target);
  if (nodes.length > 0) return nodes;
  const hint =
    unknown.length > 0 ? `The grains of ${unknown.slice(0, 5).join(", ")} are not known yet.` : undefined;
  throw new BomaError(
    "target/no-match",
    `no node matches ${JSON.stringify(target)}`,
    hint === undefined ? {} : { hint },
  );
}

function nodeView(control: Control, node: NodeRecord) {
  const { registry, presence, sessions } = control;
  const grains = registry.grains.get(node.key);
  const [connection] = presence.connections(node.key);
  return {
    id: node.id,
    key: node.key,
    status: node.status,
    connected: connection !== undefined,
    ...(connection && { address: connection.ip, since: connection.startedAt }),
    assigned: node.assigned,
    assurance: node.assurance,
    approvedBy: node.approvedBy,
    approvedAt: node.approvedAt,
    agentVersion: node.agentVersion,
    fingerprint: node.fingerprint,
    ...(sessions.isDuplicate(node.key) && { duplicate: true }),
    ...(node.rekey && { rekey: true }),
    ...(grains && { grainsRevision: grains.revision, grainsAt: grains.at }),
  };
}
export type NodeView = ReturnType<typeof nodeView>;

export const nodesList = defineVerb({
  verb: "nodes.list",
  right: "read",
  args: z.strictObject({ target: Target.optional(), revoked: z.boolean() }),
  async answer({ target, revoked }, { control }) {
    const nodes = target === undefined ? [...control.registry.approved()] : resolveSome(control, target);
    const gone = revoked
      ? [...control.registry.nodes.values()].filter(({ status }) => status === "revoked")
      : [];
    return [...nodes, ...gone].map((node) => nodeView(control, node)).sort((a, b) => (a.id < b.id ? -1 : 1));
  },
});

export const nodesGrains = defineVerb({
  verb: "nodes.grains",
  right: "read",
  args: z.strictObject({ target: Target }),
  async answer({ target }, { control }) {
    return resolveSome(control, target).map((node) => {
      const held = control.registry.grains.get(node.key);
      return {
        id: node.id,
        assigned: node.assigned,
        ...(held && { revision: held.revision, at: held.at, claimed: held.grains }),
      };
    });
  },
});

export const targetResolve = defineVerb({
  verb: "target.resolve",
  right: "read",
  args: z.strictObject({ target: Target }),
  async answer({ target }, { control }) {
    const { nodes, unknown } = resolve(control, target);
    return { matched: nodes.map(({ id }) => id), unknown };
  },
});

export const nodesAssign = defineVerb({
  verb: "nodes.assign",
  right: "itself",
  args: z.strictObject({ target: Target, set: Assigned, remove: z.array(z.string().max(63)).max(64) }),
  async answer({ target, set, remove }, { control, operator, reaction }) {
    const changed: { id: string; assigned: Assigned; revision: number }[] = [];
    const nodes = resolveSome(control, target);
    authorise(operator, {
      right: "assign",
      grains: [...Object.keys(set), ...remove],
      nodes: nodes.map((node) => control.registry.targetNode(node)),
    });
    for (const { key } of nodes) {
      const from = control.where.addressOf(key);
      const node = await control.registry.change(key, (record) => {
        const kept = Object.entries({ ...record.assigned, ...set }).filter(
          ([name]) => !remove.includes(name),
        );
        return {
          ...record,
          assigned: Object.fromEntries(kept),
          assignedRevision: record.assignedRevision + 1,
        };
      });
      if (!node) continue;
      const { id, assigned, assignedRevision: revision } = node;
      changed.push({ id, assigned, revision });
      await control.nodeAudit.assigned(node);
      await control.events.told({
        kind: "node.assigned",
        node: key,
        id,
        operator: operator.name,
        ...(reaction && { causes: [...reaction.causes] }),
        data: { assigned, revision },
      });
      await moveMail(control, key, from);
      // The node learns its new grains, and where its bus is, with the answer to its next hello.
      for (const { site } of control.presence.connections(key)) control.sessions.askAt(key, site);
    }
    return changed;
  },
});

export const nodesRevoke = defineVerb({
  verb: "nodes.revoke",
  right: "admin",
  args: z.strictObject({ id: z.string() }),
  async answer({ id }, { control }) {
    const node = control.registry.require(id);
    const wasConnected = control.presence.connected(node.key);
    // A revocation that was cut short, by a crash or a bus that did not answer, can be asked for again.
    if (node.status === "revoked" && control.revocations.isRevoked(node.key) && !wasConnected)
      throw new BomaError("usage/argument", `${id} is revoked already`);
    const start = performance.now();
    const gone = wasConnected ? control.gone(node.key) : undefined;
    await Promise.all([control.enrolment.revoke(node), gone]);
    return { id, connected: wasConnected, ms: Math.round(performance.now() - start) };
  },
});

export const nodesRekey = defineVerb({
  verb: "nodes.rekey",
  right: "admin",
  args: z.strictObject({ id: z.string() }),
  async answer({ id }, { control }) {
    const { key, status } = control.registry.require(id);
    if (status === "revoked")
      throw new BomaError(
        "usage/argument",
        `${id} is revoked: it needs no new keys, but to be enrolled anew`,
      );
    await control.registry.change(key, (record) => ({ ...record, rekey: true }));
    const connected = control.presence.connected(key);
    if (connected) control.sessions.ask(key, "who");
    return { id, connected };
  },
});

export const nodesForget = defineVerb({
  verb: "nodes.forget",
  right: "admin",
  args: z.strictObject({ id: z.string() }),
  async answer({ id }, { control }) {
    const gone = [...control.registry.nodes.values()].filter(
      (node) => node.id === id && node.status === "revoked",
    );
    if (gone.length === 0)
      throw new BomaError("usage/argument", `${id} is not a revoked node`, { hint: "Revoke it first." });
    for (const { key } of gone) await control.registry.forget(key);
    return { id, records: gone.length };
  },
});
