/** Who owns what: two owners of one thing do not go together, and `a#b` is a part of `a`. */
import { asBomaError } from "@boma/protocol";

import type { Origin } from "../declaration.ts";
import { replaceSecrets } from "../secret.ts";
import type { Stage } from "../stages.ts";
import type { AnySpec, Guards } from "../state-spec.ts";
import { type Faults, withPlace } from "./faults.ts";

export interface Claimant {
  readonly id: string;
  readonly spec: AnySpec;
  readonly params: Readonly<Record<string, unknown>>;
  readonly origin?: Origin | undefined;
  readonly options?: Guards;
}

const PLACEHOLDER = "(secret)";
const known = new WeakMap<object, unknown>();

/** Asked for several times of each declaration. */
function opened(params: Readonly<Record<string, unknown>>): never {
  if (!known.has(params))
    known.set(
      params,
      replaceSecrets(params, () => PLACEHOLDER),
    );
  return known.get(params) as never;
}

/** What a declaration claims. A secret cannot be part of it. */
export const claimsOf = ({ spec, params }: Pick<Claimant, "spec" | "params">): readonly string[] =>
  spec.claims?.(opened(params)) ?? [];
export const afterOf = ({ spec, params }: Pick<Claimant, "spec" | "params">): readonly string[] =>
  spec.after?.(opened(params)) ?? [];
/** The stages that a declaration stands on. */
export const awaitsOf = ({ spec, params }: Pick<Claimant, "spec" | "params">): readonly Stage[] =>
  spec.awaits?.(opened(params)) ?? [];
export const warningsOf = ({ spec, params, options = {} }: Claimant): readonly string[] =>
  spec.warnings?.(opened(params), options) ?? [];

/** The whole that a claim is a part of, or the claim itself. */
export function wholeOf(claim: string): string {
  const at = claim.indexOf("#");
  return at < 0 ? claim : claim.slice(0, at);
}

/** Who owns each claim; every conflict is a fault that names both owners. */
export function claimOwners(claimants: Iterable<Claimant>, faults: Faults): ReadonlyMap<string, string> {
  const owners = new Map<string, Claimant>();
  const parts = new Map<string, Claimant>();
  for (const claimant of claimants) {
    for (const claim of readOr(claimant, claimsOf, faults)) {
      const whole = wholeOf(claim);
      const other =
        owners.get(claim) ?? (whole === claim ? parts.get(claim) : (owners.get(whole) ?? undefined));
      if (other && other.id !== claimant.id) faults.add(conflict(claim, other, claimant));
      if (!owners.has(claim)) owners.set(claim, claimant);
      if (whole !== claim && !parts.has(whole)) parts.set(whole, claimant);
    }
  }
  return new Map([...owners].map(([claim, { id }]) => [claim, id]));
}

const conflict = (claim: string, one: Claimant, other: Claimant) =>
  ({
    code: "state/claimed",
    message: `${claim} has two owners: ${withPlace(one.id, one.origin)} and ${withPlace(other.id, other.origin)}`,
  }) as const;

/** What a state's author wrote may throw; that is a fault of this declaration, not of the compiler. */
export function readOr<T extends string>(
  claimant: Claimant,
  read: (claimant: Claimant) => readonly T[],
  faults: Faults,
): readonly T[] {
  try {
    return read(claimant);
  } catch (thrown) {
    const { code, message } = asBomaError(thrown);
    faults.add({ code, message: `${withPlace(claimant.id, claimant.origin)}: ${message}` });
    return [];
  }
}
