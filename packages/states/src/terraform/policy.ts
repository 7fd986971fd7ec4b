/** What a plan may not do, whoever approves it. */
import type { ResourceChange } from "./results.ts";
import type { Policy } from "./workspace.ts";

const NAMED_MAX = 10;

/** Why the plan must not be applied, in words; nothing where it may. */
export function violations(changes: readonly ResourceChange[], policy: Policy): string[] {
  const ends = changes.filter(({ action }) => action === "delete" || action === "replace");
  // What is forgotten goes on living, but nobody keeps it any more.
  const losses = changes.filter(({ action }) => action === "forget");
  const found = [...ends, ...losses]
    .filter(({ address }) => policy.protect.some((one) => isWithin(address, one)))
    .map(({ address, action }) => `${address} is protected, and would be ${WORDS[action]}`);
  const counted = ends.filter(
    ({ address, action }) =>
      action === "delete" || !policy.allowReplace.some((one) => isWithin(address, one)),
  );
  if (counted.length > policy.maxDestroy)
    found.push(
      `${counted.length} would be destroyed or replaced, and at most ${policy.maxDestroy} may be: ${named(counted)}`,
    );
  return found;
}

const WORDS: Readonly<Record<ResourceChange["action"], string>> = {
  create: "created",
  update: "changed",
  replace: "replaced",
  delete: "destroyed",
  forget: "forgotten",
};

/** `module.db` means all that is in it, and `aws_vm.web` every instance of it. */
const isWithin = (address: string, whole: string): boolean =>
  address === whole || [".", "[", " "].some((next) => address.startsWith(`${whole}${next}`));

function named(changes: readonly ResourceChange[]): string {
  const shown = changes.slice(0, NAMED_MAX).map(({ address }) => address);
  const more = changes.length - shown.length;
  return more > 0 ? `${shown.join(", ")} and ${more} more` : shown.join(", ");
}
