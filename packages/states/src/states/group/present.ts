import { z } from "zod";

import { diff } from "../../changes.ts";
import { defineState } from "../../define-state.ts";
import { assertLocal, blocked, Id, Name } from "../user/parameters.ts";

export default defineState({
  name: "group.present",
  summary: "A group of this machine, with this number and these members.",
  key: "name",
  params: z
    .strictObject({
      name: Name.describe("The group's name."),
      gid: Id.optional().describe("The number. Where not said, the machine chooses."),
      system: z.boolean().default(false).describe("Take the number from the range of the system."),
      members: z.array(Name).max(10_000).optional().describe("Users to be in it."),
      exclusiveMembers: z.boolean().default(false).describe("Nobody else is in it."),
      changeGid: z
        .boolean()
        .default(false)
        .describe("Allow another number for a group that is there. Files keep the old one."),
    })
    .refine(({ exclusiveMembers, members }) => !exclusiveMembers || members !== undefined, {
      error: "`exclusiveMembers` needs `members`; an empty list means nobody",
      path: ["exclusiveMembers"],
    }),
  claims: ({ name, gid }) => [`group:${name}`, ...(gid === undefined ? [] : [`gid:${gid}`])],
  after: ({ members = [] }) => members.map((name) => `user:${name}`),

  async check({ name, gid, members, exclusiveMembers, changeGid }, { accounts }) {
    const now = await accounts.group(name);
    assertLocal("group", now);
    if (gid !== undefined && gid !== now?.gid) {
      const taken = (await accounts.groups()).find((group) => group.gid === gid);
      if (taken) throw blocked(`the gid ${gid} for ${name} is taken by ${taken.name}`);
      if (now && !changeGid)
        throw blocked(
          `the group ${name} has the gid ${now.gid} and should have ${gid}`,
          "`changeGid: true` allows it: files keep the old number.",
        );
    }
    const kept = exclusiveMembers ? [] : (now?.members ?? []);
    const all = members && [...new Set([...members, ...kept])].sort();
    return diff<{ present: boolean; gid: number; members: readonly string[] }>(
      now && { present: true, gid: now.gid, members: [...now.members].sort() },
      // A new group has nobody in it without being told.
      { present: true, gid, members: now || (all?.length ?? 0) > 0 ? all : undefined },
    );
  },

  async apply({ present, gid, members }, { name, system }, { accounts }) {
    if (present) await accounts.addGroup(name, { gid: gid?.to, system });
    else if (gid) await accounts.changeGid(name, gid.to);
    if (members) await accounts.setMembers(name, members.to);
  },

  examples: [
    { title: "a group with a number", key: "media", params: { gid: 900 } },
    {
      title: "exactly these members",
      key: "docker",
      params: { members: ["deploy"], exclusiveMembers: true },
      given: { users: { deploy: {}, guest: {} }, groups: { docker: { members: ["guest"] } } },
    },
  ],
});
