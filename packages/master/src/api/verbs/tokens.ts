import { Assigned, printBootToken, printJoinToken, TOKEN_TTL_MS_MAX } from "@boma/protocol";
import { z } from "zod";

import { defineVerb } from "../verb.ts";

export const tokenCreate = defineVerb({
  verb: "token.create",
  right: "admin",
  args: z.strictObject({
    assigned: Assigned,
    uses: z.number().int().min(1).max(100_000),
    ttlMs: z.number().int().min(1000).max(TOKEN_TTL_MS_MAX),
    mac: z
      .string()
      .regex(/^([0-9a-f]{2}:){5}[0-9a-f]{2}$/i, "a MAC address such as 52:54:00:12:34:56")
      .optional(),
  }),
  async answer({ mac, ...rest }, { control, operator }) {
    const { tokens, events } = control;
    const token = await tokens.create({
      ...rest,
      ...(mac !== undefined && { mac }),
      createdBy: operator.name,
    });
    const kit = control.joinKit(rest.assigned["site"]);
    const data = { token: token.id, uses: rest.uses, ttlMs: rest.ttlMs, assigned: rest.assigned };
    await events.told({ kind: "token.created", operator: operator.name, data });
    return {
      id: token.id,
      token: printBootToken(token),
      joinToken: printJoinToken(kit, token),
      servers: kit.servers,
      expiresAt: Date.now() + rest.ttlMs,
    };
  },
});

export const tokenList = defineVerb({
  verb: "token.list",
  right: "read",
  args: z.strictObject({}),
  async answer(_, { control }) {
    return control.tokens.list().map(({ key: _secret, usedBy, ...rest }) => ({
      ...rest,
      used: usedBy.length,
      state: rest.expiresAt < Date.now() ? "expired" : usedBy.length >= rest.uses ? "spent" : "open",
    }));
  },
});

export const tokenRevoke = defineVerb({
  verb: "token.revoke",
  right: "admin",
  args: z.strictObject({ id: z.string() }),
  async answer({ id }, { control, operator }) {
    await control.tokens.revoke(id);
    await control.events.told({ kind: "token.revoked", operator: operator.name, data: { token: id } });
    return { id };
  },
});
