/** What operators ask about the site: is it right, what does a node's pillar hold, which profile is whose. */
import { type Assigned, BomaError } from "@boma/protocol";
import { z } from "zod";

import type { Control } from "../../control.ts";
import type { NodeRecord } from "../../registry/node-record.ts";
import { checkSite } from "../../site/check-site.ts";
import { assignedBy, type Machine, type Profile, requireProfile } from "../../site/profile.ts";
import type { NodeInput } from "../../site/site-compiler.ts";
import { defineVerb } from "../verb.ts";

/** A node as the site sees it. */
const inputOf = ({ registry }: Control, { key, id, assigned }: NodeRecord): NodeInput => ({
  key,
  id,
  grains: registry.grains.get(key)?.grains ?? {},
  assigned,
});

const machineOf = ({ claims: { macs, hostname } }: NodeRecord): Machine => ({ macs, hostname });

function requireApproved({ registry }: Control, id: string): NodeRecord {
  const node = registry.require(id);
  if (node.status === "approved") return node;
  throw new BomaError("node/unknown", `${id} is revoked`);
}

export const siteCheck = defineVerb({
  verb: "site.check",
  right: "read",
  args: z.strictObject({}),
  answer: (_, { control }) =>
    checkSite(
      control.siteCompiler,
      [...control.registry.approved()]
        .map((node) => ({
          ...inputOf(control, node),
          // What a profile was chosen for is settled; only who has none yet would be asked again.
          ...(node.assigned["profile"] === undefined && { machine: machineOf(node) }),
        }))
        .sort((a, b) => (a.id < b.id ? -1 : 1)),
    ),
});

/** Pillar may hold what not every reader of the node list is meant to see. */
export const sitePillar = defineVerb({
  verb: "site.pillar",
  right: "admin",
  args: z.strictObject({ id: z.string() }),
  async *answer({ id }, { control }) {
    const node = requireApproved(control, id);
    yield* await control.siteCompiler.pillar(inputOf(control, node));
  },
});

export const profileList = defineVerb({
  verb: "profile.list",
  right: "read",
  args: z.strictObject({}),
  async answer(_, { control }) {
    const { profiles, errors } = await control.siteCompiler.load();
    const nodes = [...control.registry.approved()];
    return {
      profiles: profiles.map((profile) => ({
        ...profile,
        nodes: nodes
          .filter(({ assigned }) => assigned["profile"] === profile.name)
          .map(({ id }) => id)
          .toSorted(),
      })),
      errors: errors.filter(({ code }) => code === "site/profile").map(({ message }) => message),
    };
  },
});

export const profileExplain = defineVerb({
  verb: "profile.explain",
  right: "read",
  args: z.strictObject({ id: z.string() }),
  async answer({ id }, { control }) {
    const node = requireApproved(control, id);
    const { profile, steps } = await control.siteCompiler.profileFor(machineOf(node));
    return { id, frozen: node.assigned["profile"], chosen: profile?.name, steps };
  },
});

export const profileSet = defineVerb({
  verb: "profile.set",
  right: "admin",
  args: z.strictObject({ id: z.string(), profile: z.string().max(63) }),
  async answer({ id, profile: name }, { control, operator }) {
    const { key } = requireApproved(control, id);
    const { profiles } = await control.siteCompiler.load();
    const profile = requireProfile(profiles, name);
    const node = await control.registry.change(key, (record) => ({
      ...record,
      assigned: assignedBy(profile, withoutProfile(record.assigned, profiles, profile)),
      assignedRevision: record.assignedRevision + 1,
    }));
    if (!node) throw new BomaError("node/unknown", `${id} is gone`);
    const { assigned, assignedRevision: revision } = node;
    await control.events.told({
      kind: "node.assigned",
      node: key,
      id,
      operator: operator.name,
      data: { assigned, revision },
    });
    return { id, profile: name, assigned };
  },
});

/** What was assigned apart from profiles: what the former one gave goes, and what the new one gives is the new one's to say. */
function withoutProfile(assigned: Assigned, profiles: readonly Profile[], next: Profile): Assigned {
  const former = profiles.find(({ name }) => name === assigned["profile"]);
  const given: Assigned = former ? assignedBy(former, {}) : {};
  const mine = Object.entries(assigned).filter(
    ([key, value]) =>
      key !== "profile" &&
      key !== "role" &&
      !(key in next.assign) &&
      JSON.stringify(given[key]) !== JSON.stringify(value),
  );
  return Object.fromEntries(mine);
}
