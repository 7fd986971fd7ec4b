/** What a declaration wants others to do for it, such as a port that must be reached, and how it gets there. */
import { z } from "zod";

import type { Declaration } from "../declaration.ts";
import { replaceSecrets } from "../secret.ts";
import type { AnySpec } from "../state-spec.ts";
import { type Faults, withPlace } from "./faults.ts";
import type { Gathered } from "./gather.ts";

/** Whom a port is open to: nobody but this machine, the mesh, the local networks, or everybody. */
export const EXPOSURES = ["none", "mesh", "lan", "public"] as const;
export type Exposure = (typeof EXPOSURES)[number];

const PORT_MAX = 65_535;
export const PortNumber = z.int().min(1).max(PORT_MAX);
export const PortRange = z
  .string()
  .regex(/^\d{1,5}-\d{1,5}$/, "two ports, such as `8000-8010`")
  .refine((text) => {
    const [first, last] = text.split("-").map(Number) as [number, number];
    return first >= 1 && first < last && last <= PORT_MAX;
  }, "ports from 1 to 65535, the smaller one first");
const Network = z.union([z.ipv4(), z.ipv6(), z.cidrv4(), z.cidrv6()]);

export const PortNeed = z.strictObject({
  /** What it is for, in a word. */
  name: z.string().regex(/^[a-z0-9][a-z0-9-]{0,40}$/, "small letters, digits and `-`"),
  proto: z.enum(["tcp", "udp"]),
  port: z.union([PortNumber, PortRange]),
  exposure: z.enum(EXPOSURES),
  /** Only these networks, within what the exposure lets in. */
  from: z.array(Network).max(200).optional(),
});
export type PortNeed = z.output<typeof PortNeed>;

export const OwnedNeed = z.strictObject({ ...PortNeed.shape, owner: z.string() });
/** A need, and the declaration that has it. */
export type OwnedNeed = z.output<typeof OwnedNeed>;

const PLACEHOLDER = "(secret)";

/** Gives the declarations that gather needs those of all others. The same declarations give the same needs. */
export function withNeeds(all: ReadonlyMap<string, Gathered>, faults: Faults): ReadonlyMap<string, Gathered> {
  const gathering = [...all].filter(([, { spec }]) => spec.gathers !== undefined);
  if (gathering.length === 0) return all;
  const needs = [...all].flatMap(([id, gathered]) => needsOf(id, gathered, faults));
  const fed = new Map(all);
  for (const [id, gathered] of gathering) {
    const { declaration, spec, params } = gathered;
    const others = needs.filter(({ owner }) => owner !== id);
    const own = readOr(declaration, faults, params, () => spec.gathers!(params, others) as typeof params);
    fed.set(id, { ...gathered, params: own });
  }
  return fed;
}

const needsOf = (id: string, { declaration, spec, params }: Gathered, faults: Faults): readonly OwnedNeed[] =>
  readOr(declaration, faults, [], () => wantedBy(spec, params).map((need) => ({ ...need, owner: id })));

const wantedBy = (spec: AnySpec, params: object): readonly PortNeed[] =>
  z.array(PortNeed).parse(spec.needs?.(replaceSecrets(params, () => PLACEHOLDER)) ?? []);

/** What a state's author wrote may throw; that is a fault of this declaration, not of the compiler. */
function readOr<T>(declaration: Declaration, faults: Faults, otherwise: T, read: () => T): T {
  try {
    return read();
  } catch (thrown) {
    const message = thrown instanceof Error ? thrown.message : String(thrown);
    faults.add({ code: "state/params", message: `${withPlace(declaration.id, undefined)}: ${message}` });
    return otherwise;
  }
}
