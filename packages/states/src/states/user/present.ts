import { z } from "zod";

import { type Changes, diff } from "../../changes.ts";
import { defineState } from "../../define-state.ts";
import type { Account, AccountChange } from "../../host/accounts.ts";
import type { Host, ReadHost } from "../../host/host.ts";
import { aboveOf, Group, Mode, Path } from "../file/parameters.ts";
import { makeHome } from "./home.ts";
import { assertNotLastAdmin, isShutOut } from "./last-admin.ts";
import { assertHash, assertLocal, blocked, Id, Name, PasswordHash } from "./parameters.ts";

const DAY_MS = 86_400_000;
const NO_COLON = /^[^:\n\r\0]*$/;

const Params = z.strictObject({
  name: Name.describe("The name to log in with."),
  uid: Id.optional().describe("The number. Where not said, the machine chooses."),
  group: Group.optional().describe(
    "The primary group, by name or number; one of the user's own where not said.",
  ),
  groups: z.array(Name).max(256).optional().describe("Groups to be in besides the primary one."),
  exclusiveGroups: z.boolean().default(false).describe("Leave every group that is not in `groups`."),
  home: Path.optional().describe("The home directory. What lies in an old one stays there."),
  createHome: z.boolean().optional().describe("Make the home from /etc/skel; so unless it is a system user."),
  homeMode: Mode.default("0700").describe("The mode of a home that is made here."),
  shell: Path.optional().describe("The login shell."),
  comment: z
    .string()
    .max(256)
    .regex(NO_COLON, "no colon, no new line")
    .optional()
    .describe("The full name, or what it is for."),
  password: PasswordHash.optional(),
  system: z.boolean().default(false).describe("Take the number from the range of the system."),
  expires: z
    .union([z.literal("never"), z.iso.date()])
    .optional()
    .describe("The first day on which the account no longer works, such as 2027-01-31, or `never`."),
  changeUid: z
    .boolean()
    .default(false)
    .describe("Allow another number for a user who has a home. Files elsewhere keep the old one."),
});
type Want = z.output<typeof Params>;

export default defineState({
  name: "user.present",
  summary: "A user of this machine, with these properties; what is not said stays as it is.",
  key: "name",
  params: Params.refine(({ exclusiveGroups, groups }) => !exclusiveGroups || groups !== undefined, {
    error: "`exclusiveGroups` needs `groups`; an empty list means none",
    path: ["exclusiveGroups"],
  }),
  secretive: ["password"],
  claims: ({ name, uid }) => [`user:${name}`, ...(uid === undefined ? [] : [`uid:${uid}`])],
  after: ({ group, groups = [], home, shell }) => [
    ...[...(group === undefined ? [] : [group]), ...groups].map((one) => `group:${one}`),
    ...(home === undefined ? [] : aboveOf(home)),
    ...(shell === undefined ? [] : [`file:${shell}`]),
  ],
  warnings: ({ name, password }) =>
    typeof password === "string" && password.startsWith("$")
      ? [`the hash of ${name}'s password stands in the site; secret(…) keeps it out of sight`]
      : [],

  async check(want, host) {
    assertHash(want.name, want.password);
    const now = await host.accounts.user(want.name);
    assertLocal("user", now);
    await assertUid(want, now, host);
    if (now && isShutOut(want) && !isShutOut(endOf(now))) await assertNotLastAdmin(now, host);
    return diff(now && (await whatIs(now, want, host)), whatShould(want, now));
  },

  async apply({ password, homeMade, ...changes }, want, host) {
    if (changes.present) await add(want, changes, host);
    else if (Object.keys(changes).length > 0) await host.accounts.changeUser(want.name, toOf(changes));
    if (password) await host.accounts.setPassword(want.name, want.password!);
    if (!homeMade) return;
    const made = (await host.accounts.user(want.name))!;
    // The home was not yet known when this was compared.
    if (!(await host.files.stat(made.home))) await makeHome(made, want.homeMode, host);
  },

  examples: [
    {
      title: "somebody who logs in",
      key: "deploy",
      params: { groups: ["www-data"], shell: "/bin/bash", comment: "Deployment" },
      given: {
        files: { "/home": { directory: true }, "/etc/skel/.profile": "umask 027\n" },
        groups: { "www-data": { gid: 33 } },
      },
    },
    {
      title: "a system user for a service",
      key: "metrics",
      params: { system: true, home: "/var/lib/metrics", shell: "/usr/sbin/nologin", password: "!" },
      given: { files: { "/var/lib": { directory: true } } },
    },
    {
      title: "in these groups and no others, until a day",
      key: "guest",
      params: { groups: ["games"], exclusiveGroups: true, expires: "2027-01-31" },
      given: {
        users: { guest: { uid: 1000 } },
        groups: { games: {}, sudo: { members: ["guest"] } },
        files: { "/home/guest": { directory: true, owner: "guest" } },
      },
    },
  ],
});

interface Properties {
  readonly present: boolean;
  readonly uid: number;
  readonly group: string;
  readonly groups: readonly string[];
  readonly home: string;
  readonly homeMade: boolean;
  readonly shell: string;
  readonly comment: string;
  readonly password: string;
  readonly expires: string;
}
type Is = { readonly [K in keyof Properties]: Properties[K] | undefined };
type Plain = Changes<Omit<Properties, "password" | "homeMade">>;

async function whatIs(now: Account, want: Want, { accounts, files }: ReadHost): Promise<Is> {
  const primary = (await accounts.groups()).find(({ gid }) => gid === now.gid)?.name;
  const byNumber = /^\d+$/.test(want.group ?? "");
  return {
    ...now,
    present: true,
    group: byNumber || primary === undefined ? String(now.gid) : primary,
    homeMade: (await files.stat(want.home ?? now.home)) !== undefined,
    // A hash of before is nobody's business.
    password:
      now.password === want.password
        ? now.password
        : now.password?.startsWith("$")
          ? "(another hash)"
          : now.password,
    ...endOf(now),
  };
}

const endOf = ({ shell, expires }: Account) => ({
  shell,
  expires: expires === undefined ? "never" : new Date(expires * DAY_MS).toISOString().slice(0, 10),
});

function whatShould(want: Want, now: Account | undefined): Is {
  const { uid, group, groups, exclusiveGroups, home, shell, comment, password, expires, system } = want;
  const joined = groups?.filter((name) => name !== group);
  const all = joined && [...new Set([...joined, ...(exclusiveGroups ? [] : (now?.groups ?? []))])].sort();
  return {
    present: true,
    uid,
    group,
    groups: all,
    home,
    homeMade: (want.createHome ?? !system) || undefined,
    shell,
    comment,
    password,
    expires,
  };
}

const toOf = ({ uid, group, groups, home, shell, comment, expires }: Plain): AccountChange => ({
  uid: uid?.to,
  group: group?.to,
  groups: groups?.to,
  home: home?.to,
  shell: shell?.to,
  comment: comment?.to,
  expires: expires?.to,
});

async function add({ name, system }: Want, changes: Plain, { accounts }: Host): Promise<void> {
  // A group of that name that is there already becomes the user's own.
  const own = (await accounts.group(name)) ? name : undefined;
  await accounts.addUser(name, { ...toOf(changes), group: changes.group?.to ?? own, system });
}

/** The kernel knows numbers only: whoever gets another one loses what the old one owned. */
async function assertUid(
  { name, uid, changeUid }: Want,
  now: Account | undefined,
  host: ReadHost,
): Promise<void> {
  if (uid === undefined || uid === now?.uid) return;
  const taken = (await host.accounts.users()).find((user) => user.uid === uid);
  if (taken) throw blocked(`the uid ${uid} for ${name} is taken by ${taken.name}`);
  if (!now) return;
  const from = `${name} has the uid ${now.uid} and should have ${uid}`;
  const running = await host.accounts.processesOf(now.uid);
  if (running > 0) throw blocked(`${from}, but ${running} of its processes run`, "End them first.");
  const home = await host.files.stat(now.home);
  if (changeUid || !home || (home.owner !== name && home.owner !== String(now.uid))) return;
  throw blocked(
    `${from}, but it owns ${now.home}`,
    "`changeUid: true` allows it: the home follows, files elsewhere keep the old number.",
  );
}
