import { z } from "zod";

import { defineVerb } from "../verb.ts";

export const joinKeyList = defineVerb({
  verb: "join-key.list",
  right: "read",
  args: z.strictObject({}),
  async answer(_, { control: { joinKeys } }) {
    return joinKeys.list().map((key) => ({ ...key, newest: key.number === joinKeys.newest }));
  },
});

export const joinKeyNew = defineVerb({
  verb: "join-key.new",
  right: "admin",
  args: z.strictObject({}),
  async answer(_, { control, operator }) {
    const { number } = await control.joinKeys.make(operator.name);
    // The bus knows it before anybody can knock with it.
    await control.revocations.pushJoinKeys();
    control.keepJoin();
    // Who is there has it now; the others with their next hello.
    for (const key of control.presence.keys()) control.sessions.ask(key, "who");
    await control.events.told({ kind: "join-key.made", operator: operator.name, data: { number } });
    return { number };
  },
});

export const joinKeyRetire = defineVerb({
  verb: "join-key.retire",
  right: "admin",
  args: z.strictObject({ number: z.int().positive() }),
  async answer({ number }, { control, operator }) {
    const isNews = await control.joinKeys.retire(number);
    await control.revocations.pushJoinKeys();
    if (isNews)
      await control.events.told({ kind: "join-key.retired", operator: operator.name, data: { number } });
    return { number };
  },
});
