/** What operators ask about the site's reactors; and what a reactor itself tells. */
import { BomaError } from "@boma/protocol";
import { z } from "zod";

import { allow, fileName, findRole, roleName } from "../../reactors/reactor-role.ts";
import { Rights } from "../rights.ts";
import { defineVerb } from "../verb.ts";

const Name = z.string().min(1).max(128);

export const reactorList = defineVerb({
  verb: "reactor.list",
  right: "read",
  args: z.strictObject({}),
  async answer(_, { control }) {
    const { reactors, errors } = await control.reactors.list();
    return {
      reactors: reactors.map((one) => ({ ...one, rights: findRole(control.operators, one.name)?.rights })),
      errors,
    };
  },
});

/** The rights of a role, also of one whose reactor is still to be written. */
export const reactorAllow = defineVerb({
  verb: "reactor.allow",
  right: "admin",
  args: z.strictObject({ name: Name, rights: Rights }),
  async answer({ name, rights }, { control, operator }) {
    if (fileName(name) !== name)
      throw new BomaError("usage/argument", `the reactors of a file have one role: it is ${fileName(name)}`);
    const role = await allow(control.operators, name, { rights, by: operator.name });
    await control.events.told({
      kind: "operator.added",
      operator: operator.name,
      data: { name: role.name, rights },
    });
    return { role: role.name, rights };
  },
});

export const reactorStop = defineVerb({
  verb: "reactor.stop",
  right: "admin",
  args: z.strictObject({ name: Name }),
  async answer({ name }, { control, operator }) {
    await control.reactors.refresh();
    await control.reactors.halt(name, operator.name);
    return { name };
  },
});

export const reactorResume = defineVerb({
  verb: "reactor.resume",
  right: "admin",
  args: z.strictObject({ name: Name, skip: z.boolean() }),
  async answer({ name, skip }, { control }) {
    await control.reactors.refresh();
    await control.reactors.resume(name, { skip });
    return { name };
  },
});

/** Reactors only: an event that a reactor tells says which one, so nobody else may tell it. */
export const reactorTell = defineVerb({
  verb: "reactor.tell",
  right: "itself",
  args: z.strictObject({ name: z.string().max(63), value: z.unknown() }),
  async answer({ name, value }, { control, operator, reaction }) {
    const reactor = reaction?.causes.at(-1);
    if (!reaction || reactor === undefined || operator.name !== roleName(reactor))
      throw new BomaError("operator/denied", `${operator.name} is not a reactor`);
    await control.events.told({
      kind: "reactor.said",
      uid: reaction.job,
      operator: operator.name,
      causes: [...reaction.causes],
      data: { name, reactor, value },
    });
    return { name };
  },
});
