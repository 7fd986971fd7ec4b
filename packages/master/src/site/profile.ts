/** Profiles: what a machine becomes, by an operator's word, its MAC address, its hostname, or for want of anything else. */
import { Assigned, BomaError, closest, compileGlob } from "@boma/protocol";
import { z } from "zod";

import { SiteError } from "./site-error.ts";

export const PROFILE_NAME = /^[a-z0-9][a-z0-9._-]{0,62}$/;
const MAC = /^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/;

const Mac = z
  .string()
  .toLowerCase()
  .regex(MAC, "a MAC address is six pairs of hexadecimal digits: 52:54:00:12:34:56");
const Hostname = z.string().min(1).max(255).refine(isGlob, "this is not a glob");
const listOf = <S extends z.ZodType>(one: S) =>
  z
    .union([one, z.array(one).max(10_000)])
    .transform((given) => (Array.isArray(given) ? given : [given]) as z.output<S>[]);

/** As `profiles/<name>.ts` exports it or `profiles/<name>.yaml` holds it. */
export const ProfileFile = z.strictObject({
  roles: listOf(z.string().min(1).max(255)).default([]),
  assign: Assigned.refine(
    (assigned) => !("profile" in assigned) && !("role" in assigned),
    "`profile` is the profile's own name, and `role` comes from `roles`",
  ).default({}),
  match: z.strictObject({ mac: listOf(Mac).optional(), hostname: listOf(Hostname).optional() }).default({}),
  default: z.boolean().default(false),
});
export const Profile = z.strictObject({
  name: z.string().regex(PROFILE_NAME),
  file: z.string().max(1024),
  ...ProfileFile.shape,
});
export type Profile = z.output<typeof Profile>;

function isGlob(text: string): boolean {
  try {
    compileGlob(text);
    return true;
  } catch {
    return false;
  }
}

/** What is known of a machine when it becomes a node. */
export interface Machine {
  readonly macs: readonly string[];
  readonly hostname: string;
  /** The profile that an operator named. */
  readonly override?: string | undefined;
}

/** One step of the search: the rule, what it found, in words. */
export interface Step {
  readonly rule: "override" | "mac" | "hostname" | "default";
  readonly found: readonly string[];
  readonly text: string;
}
export interface Choice {
  readonly profile: Profile | undefined;
  readonly steps: readonly Step[];
}

/** Override, then MAC, then hostname, then default: the first rule that finds one decides; two are an error. */
export function chooseProfile(profiles: readonly Profile[], machine: Machine): Choice {
  const steps: Step[] = [];
  for (const step of search(profiles, machine)) {
    steps.push(step);
    const [name, ...others] = step.found;
    if (name === undefined) continue;
    if (others.length > 0) throw ambiguous(profiles, step);
    return { profile: profiles.find((profile) => profile.name === name), steps };
  }
  return { profile: undefined, steps };
}

function* search(profiles: readonly Profile[], { macs, hostname, override }: Machine): Generator<Step> {
  if (override !== undefined) {
    yield {
      rule: "override",
      found: [requireProfile(profiles, override).name],
      text: `an operator said ${override}`,
    };
    return;
  }
  yield { rule: "override", found: [], text: "no operator named one" };
  const known = new Set(macs.map((mac) => mac.toLowerCase()));
  const byMac = profiles.filter(({ match }) => match.mac?.some((mac) => known.has(mac)));
  const macsText =
    macs.length === 0 ? "the machine has no MAC address" : `its addresses are ${macs.join(", ")}`;
  yield { rule: "mac", found: names(byMac), text: macsText };
  const byHost = profiles.filter(({ match }) =>
    match.hostname?.some((glob) => compileGlob(glob).matches(hostname)),
  );
  yield { rule: "hostname", found: names(byHost), text: `it calls itself ${hostname}` };
  const byDefault = profiles.filter((profile) => profile.default);
  yield { rule: "default", found: names(byDefault), text: "for machines that no other rule knows" };
}

const names = (profiles: readonly Profile[]): string[] => profiles.map(({ name }) => name).toSorted();

function ambiguous(profiles: readonly Profile[], { rule, found }: Step): SiteError {
  const place = profiles.find(({ name }) => name === found[1]);
  return new SiteError(
    "site/profile",
    `the profiles ${found.join(" and ")} match by the same rule, ${rule}`,
    {
      place: place && { file: place.file },
      hint: `Let one of them match, or say which: \`--assign profile=${found[0]}\`.`,
    },
  );
}

export function requireProfile(profiles: readonly Profile[], name: string): Profile {
  const found = profiles.find((profile) => profile.name === name);
  if (found) return found;
  const known = names(profiles);
  const meant = closest(name, known);
  throw new BomaError("site/profile", `there is no profile ${JSON.stringify(name)}`, {
    hint:
      meant === undefined
        ? known.length === 0
          ? "The site has no profiles yet: they are files below profiles/."
          : `There are ${known.slice(0, 10).join(", ")}.`
        : `Did you mean \`${meant}\`?`,
  });
}

/** What a node is assigned by a profile; what an operator said stands over it. */
export const assignedBy = ({ name, roles, assign }: Profile, said: Assigned): Assigned => ({
  ...assign,
  ...(roles.length > 0 && { role: roles.length === 1 ? roles[0]! : roles }),
  ...said,
  profile: name,
});

/** Pairs that would match the same machine by the same rule, as far as that can be seen without one. */
export function clashes(profiles: readonly Profile[]): SiteError[] {
  const seen = new Map<string, Profile>();
  const found: SiteError[] = [];
  for (const profile of profiles)
    for (const [rule, value] of rulesOf(profile)) {
      const other = seen.get(`${rule} ${value}`);
      if (other)
        found.push(
          new SiteError(
            "site/profile",
            `the profiles ${other.name} and ${profile.name} both match by ${rule} ${value}`.trimEnd(),
            {
              place: { file: profile.file },
              hint: "One machine has one profile: take it out of one of them.",
            },
          ),
        );
      else seen.set(`${rule} ${value}`, profile);
    }
  return found;
}

function* rulesOf({ match, default: isDefault }: Profile): Generator<readonly [string, string]> {
  for (const mac of new Set(match.mac)) yield ["mac", mac];
  for (const glob of new Set(match.hostname)) yield ["hostname", glob];
  if (isDefault) yield ["default", ""];
}
