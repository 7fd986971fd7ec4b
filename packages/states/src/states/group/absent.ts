import { z } from "zod";

import { diff } from "../../changes.ts";
import { defineState } from "../../define-state.ts";
import { assertLocal, blocked, Name } from "../user/parameters.ts";

export default defineState({
  name: "group.absent",
  summary: "No group of this name. One that is the primary group of a user is not removed.",
  key: "name",
  params: z.strictObject({
    name: Name.refine((name) => name !== "root", "root is never removed").describe("The group's name."),
  }),
  claims: ({ name }) => [`group:${name}`],

  async check({ name }, { accounts }) {
    const now = await accounts.group(name);
    assertLocal("group", now);
    if (!now) return {};
    if (now.gid === 0) throw blocked(`${name} has the gid of root, and is not removed`);
    const primary = (await accounts.users()).filter(({ gid }) => gid === now.gid).map((user) => user.name);
    if (primary.length > 0)
      throw blocked(
        `the group ${name} is the primary one of ${primary.slice(0, 5).join(", ")}`,
        "Give them another primary group first.",
      );
    return diff({ present: true }, { present: false });
  },

  apply: (_, { name }, { accounts }) => accounts.removeGroup(name),

  examples: [{ title: "a group that nobody needs", key: "games", given: { groups: { games: {} } } }],
});
