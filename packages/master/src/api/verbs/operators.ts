import { BomaError, NodeKey, parseTarget, PublicKey } from "@boma/protocol";
import { z } from "zod";

import { issueOperatorCredential } from "../../bus/trust.ts";
import { OperatorRecord, Rights } from "../rights.ts";
import { defineVerb } from "../verb.ts";

export const operatorList = defineVerb({
  verb: "operator.list",
  right: "read",
  args: z.strictObject({}),
  async answer(_, { control, operator }) {
    return [...control.operators.values()]
      .map(({ sign: _sign, ...shown }) => ({ ...shown, you: shown.key === operator.key }))
      .sort((a, b) => (a.name < b.name ? -1 : 1));
  },
});

/** The command line makes the keys; the master sees their public halves only. */
export const operatorAdd = defineVerb({
  verb: "operator.add",
  right: "admin",
  args: z.strictObject({ name: z.string(), key: NodeKey, sign: PublicKey, rights: Rights }),
  async answer({ name, key, sign, rights }, { control, operator }) {
    for (const { target } of rights.run) parseTarget(target);
    if (name.startsWith("reactor."))
      throw new BomaError("usage/argument", `${name} would be the role of a reactor, which holds no keys`, {
        hint: `boma-master reactor allow ${name.slice("reactor.".length)} … gives it rights.`,
      });
    if ([...control.operators.values()].some((known) => known.name === name))
      throw new BomaError("usage/argument", `there is an operator ${name} already`);
    const record = { key, name, sign, rights, addedAt: Date.now(), addedBy: operator.name };
    const read = OperatorRecord.safeParse(record);
    if (!read.success) throw new BomaError("usage/argument", z.prettifyError(read.error));
    await control.operators.update(key, () => read.data);
    await control.events.told({ kind: "operator.added", operator: operator.name, data: { name, rights } });
    return {
      credential: await issueOperatorCredential(control.busTrust, { name, publicKey: key }),
      servers: control.servers(),
      root: control.keyring().root,
      ...(control.ca !== undefined && { ca: control.ca }),
    };
  },
});

export const operatorRemove = defineVerb({
  verb: "operator.remove",
  right: "admin",
  args: z.strictObject({ name: z.string() }),
  async answer({ name }, { control, operator }) {
    const record = [...control.operators.values()].find((known) => known.name === name);
    if (!record) throw new BomaError("operator/unknown", `there is no operator ${name}`);
    const admins = [...control.operators.values()].filter(({ rights }) => rights.admin);
    if (record.rights.admin && admins.length === 1)
      throw new BomaError("usage/argument", `${name} is the last operator with all rights`, {
        hint: "Add another one first.",
      });
    await control.operators.update(record.key, () => undefined);
    // The answer goes first: a push of the operators' account would lose it on its way.
    setImmediate(() => {
      control.revocations
        .revoke(record.key, "operator")
        .catch((error: unknown) => control.refused("boma.api", error));
    });
    await control.events.told({ kind: "operator.removed", operator: operator.name, data: { name } });
    return { name };
  },
});

/** A credential of the bus lives a month; whoever still is an operator gets the next one. */
export const operatorRenew = defineVerb({
  verb: "operator.renew",
  right: "none",
  args: z.strictObject({}),
  async answer(_, { control, operator }) {
    const user = { name: operator.name, publicKey: operator.key };
    return { credential: await issueOperatorCredential(control.busTrust, user) };
  },
});
