/** Parameters that the states of packages have in common. */
import { parseDuration } from "@boma/protocol";
import { z } from "zod";

import type { PackageOptions, Wanted } from "../../host/packages.ts";

const NAME = /^[a-z0-9][a-z0-9+.-]*(?<!-)(:[a-z0-9-]+)?$/;
const VERSION = /^[A-Za-z0-9.+:~-]+\*?$/;

export const PackageName = z
  .string()
  .max(128)
  .regex(NAME, "a package's name: small letters, digits and `+.-`, with `:arch` for another architecture");
export const Version = z.string().max(256).regex(VERSION, "a version, or its beginning with a `*`");

const isDuration = (text: string): boolean => {
  try {
    return parseDuration(text) >= 0;
  } catch {
    return false;
  }
};
export const Duration = z.string().refine(isDuration, "a duration such as `90s` or `5m`");

export const Name = PackageName.describe("The package; for several of them any word, with `names`.");
export const Names = z
  .array(PackageName)
  .min(1)
  .max(1000)
  .optional()
  .describe("The packages, all in one call of apt, where there are several.");

/** How apt is to be called; the same words in every state that changes packages. */
export const choices = {
  fromSuite: z
    .string()
    .regex(/^[\w./-]+$/, "a suite such as `bookworm-backports`")
    .optional()
    .describe("The suite to prefer, such as `bookworm-backports`."),
  recommends: z.boolean().default(false).describe("Install what the packages recommend, too."),
  allowDowngrade: z
    .boolean()
    .default(false)
    .describe("Go back to an older version where that is what it takes."),
  allowChangeHeld: z.boolean().default(false).describe("Touch packages that are held."),
  allowRemove: z.boolean().default(false).describe("Let apt remove other packages to get there."),
  configuration: z
    .enum(["keep", "new"])
    .default("keep")
    .describe("What becomes of a configuration file that was changed here and in the package."),
  startServices: z
    .boolean()
    .default(true)
    .describe("Whether the installation may start the services that come with it."),
  lockTimeout: Duration.default("5m").describe("How long to wait while another program uses apt or dpkg."),
};
const Choices = z.strictObject(choices);
export const RefreshAfter = Duration.default("1h").describe(
  "How old the lists of packages may be before they are fetched anew, where they are needed.",
);

export const optionsOf = (want: z.output<typeof Choices>): PackageOptions => ({
  fromSuite: want.fromSuite,
  recommends: want.recommends,
  allowDowngrade: want.allowDowngrade,
  allowChangeHeld: want.allowChangeHeld,
  allowRemove: want.allowRemove,
  configuration: want.configuration,
  startServices: want.startServices,
  lockTimeoutMs: parseDuration(want.lockTimeout),
});

export const namesOf = ({
  name,
  names,
}: {
  name: string;
  names?: readonly string[] | undefined;
}): readonly string[] => names ?? [name];

export const wantedOf = (names: readonly string[], version?: string): Wanted[] =>
  names.map((name) => ({ name, version }));

/** How packages are taken away; the same words in every state that does. */
export const removal = {
  allowRemove: z.boolean().default(false).describe("Let packages that depend on these go with them."),
  allowChangeHeld: choices.allowChangeHeld,
  lockTimeout: choices.lockTimeout,
};
const Removal = z.strictObject(removal);

export const removalOf = (want: z.output<typeof Removal>): PackageOptions => ({
  allowRemove: want.allowRemove,
  allowChangeHeld: want.allowChangeHeld,
  lockTimeoutMs: parseDuration(want.lockTimeout),
});
