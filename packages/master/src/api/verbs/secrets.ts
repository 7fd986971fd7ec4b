import { BomaError, NodeId } from "@boma/protocol";
import { z } from "zod";

import { ANYBODY, type ForNode } from "../../secrets/provider.ts";
import { defineVerb } from "../verb.ts";

const Name = z.string().max(512);

/** Whether a reference leads to a secret, for a node or for anybody. Its value stays where it is. */
export const secretCheck = defineVerb({
  verb: "secret.check",
  right: "admin",
  args: z.strictObject({ reference: Name, node: NodeId.optional() }),
  async answer({ reference, node }, { control }) {
    const forNode: ForNode = node === undefined ? ANYBODY : control.registry.require(node);
    if (node === undefined && /[?&]per=node\b/.test(reference))
      throw new BomaError("usage/argument", `${reference} is made for each node`, {
        hint: "Name one with --node.",
      });
    await control.secrets.resolve([reference], forNode);
    return { reference, ...(node !== undefined && { node }) };
  },
});

/** The secrets that were generated: all but their values. */
export const secretList = defineVerb({
  verb: "secret.list",
  right: "read",
  args: z.strictObject({}),
  answer: async (_, { control }) => control.genSecrets.list(),
});

export const secretForget = defineVerb({
  verb: "secret.forget",
  right: "admin",
  args: z.strictObject({ name: Name, node: NodeId.optional() }),
  async answer({ name, node }, { control, operator }) {
    const of = node === undefined ? "" : ` of ${node}`;
    if (!(await control.genSecrets.forget(name, node)))
      throw new BomaError("secret/unknown", `there is no generated secret ${name}${of}`, {
        hint: "`boma-master secret list` shows them.",
      });
    await control.events.told({
      kind: "secret.forgotten",
      operator: operator.name,
      data: { name, ...(node !== undefined && { node }) },
    });
    return { name };
  },
});
