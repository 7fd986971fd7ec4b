import { JobId } from "@boma/protocol";
import { diffCatalogs } from "@boma/states/core";
import { z } from "zod";

import { defineVerb } from "../verb.ts";

const Hash = z.string().regex(/^[0-9a-f]{4,64}$/, "the beginning of a hash");

export const planStore = defineVerb({
  verb: "plan.store",
  right: "read",
  args: z.strictObject({ job: JobId }),
  async answer({ job }, { control }) {
    const { nodes, ...plan } = await control.plans.store(job);
    return { ...plan, nodes: nodes.map(([, id]) => id) };
  },
});

export const planList = defineVerb({
  verb: "plan.list",
  right: "read",
  args: z.strictObject({}),
  answer: async (_args, { control }) =>
    control.plans.list().map(({ nodes, ...plan }) => ({ ...plan, nodes: nodes.map(([, id]) => id) })),
});

export const catalogList = defineVerb({
  verb: "catalog.list",
  right: "read",
  args: z.strictObject({ node: z.string() }),
  answer: async ({ node }, { control }) => control.catalogHistory.list(control.registry.require(node).key),
});

/** The catalog of a hash, or what the site says of the node now. */
export const catalogShow = defineVerb({
  verb: "catalog.show",
  right: "read",
  args: z.strictObject({ node: z.string(), hash: Hash.optional() }),
  async answer({ node, hash }, { control }) {
    const { key } = control.registry.require(node);
    if (hash !== undefined) return control.catalogHistory.find(key, hash);
    const compiled = await control.catalogs.compile([key], { function: "state.apply", args: {} });
    return compiled.get(key)!.catalog;
  },
});

export const catalogDiff = defineVerb({
  verb: "catalog.diff",
  right: "read",
  args: z.strictObject({ node: z.string(), from: Hash, to: Hash }),
  async answer({ node, from, to }, { control }) {
    const { key } = control.registry.require(node);
    const [before, after] = await Promise.all(
      [from, to].map((hash) => control.catalogHistory.find(key, hash)),
    );
    return diffCatalogs(before!, after!);
  },
});
