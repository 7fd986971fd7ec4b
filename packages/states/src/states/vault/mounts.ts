/** What is mounted into Vault's paths: engines of secrets, and ways to log in. Both are made and tuned alike. */
import { BomaError } from "@boma/protocol";
import { z } from "zod";

import { type Changes, diff } from "../../changes.ts";
import type { Host, ReadHost } from "../../host/host.ts";
import { type Data, differing, textIn } from "./alike.ts";
import { type Access, access, hasOneToken, ONE_TOKEN, readAt, writeAt } from "./api.ts";

export const MountPath = z
  .string()
  .regex(/^[\w.-]+(\/[\w.-]+)*$/, "a path without a slash at its ends")
  .describe("Where it is mounted, without a slash at its ends.");

const Setting = z.union([z.string(), z.number(), z.boolean(), z.array(z.string())]);

export const mountParams = <T extends readonly [string, ...string[]]>(types: T, what: string) =>
  z
    .strictObject({
      path: MountPath,
      type: z.enum(types).describe(what),
      description: z.string().default("").describe("A line for people."),
      options: z
        .record(z.string(), z.string())
        .default({})
        .describe("What the kind takes, such as `version` of kv."),
      config: z
        .record(z.string(), Setting)
        .default({})
        .describe("How it is tuned: `default_lease_ttl`, `max_lease_ttl` and so on."),
      ...access,
    })
    .refine(hasOneToken, ONE_TOKEN);

export interface Mount extends Access {
  readonly path: string;
  readonly type: string;
  readonly description: string;
  readonly options: Readonly<Record<string, string>>;
  readonly config: Data;
}

export interface MountProperties {
  type: string;
  description: string;
  options: Data | undefined;
  config: Data | undefined;
}

/** `sys/mounts` or `sys/auth`. */
type Table = "sys/mounts" | "sys/auth";

/** Kinds that Vault lists under another name. */
const LISTED: Readonly<Record<string, string>> = { "kv-v2": "kv" };
const typeOf = ({ type }: Mount): string => LISTED[type] ?? type;
const optionsOf = ({ type, options }: Mount): Readonly<Record<string, string>> =>
  type === "kv-v2" ? { version: "2", ...options } : options;

const mountedAt = async (table: Table, want: Mount, host: ReadHost): Promise<Data | undefined> => {
  const all = await readAt(want, table, host);
  return all?.[`${want.path}/`] as Data | undefined;
};

export async function checkMount(
  table: Table,
  want: Mount,
  host: ReadHost,
): Promise<Changes<MountProperties>> {
  const is = await mountedAt(table, want, host);
  const options = differing(is && ((is["options"] ?? {}) as Data), optionsOf(want));
  const config = differing(is && ((is["config"] ?? {}) as Data), want.config);
  return {
    ...diff<{ type: string; description: string }>(
      is && { type: textIn(is["type"]), description: textIn(is["description"]) },
      { type: typeOf(want), description: want.description },
    ),
    ...(is && options && { options }),
    ...(is && config && { config }),
  } as Changes<MountProperties>;
}

/** What is there is never taken away for something else: all that is in it would be gone. */
export async function blockedMount(table: Table, want: Mount, host: ReadHost): Promise<string | undefined> {
  const is = await mountedAt(table, want, host);
  if (!is || is["type"] === typeOf(want)) return undefined;
  return `at ${want.path} there is ${textIn(is["type"])}, not ${typeOf(want)}: to change that would destroy what is in it`;
}

export async function applyMount(
  table: Table,
  changes: Changes<MountProperties>,
  want: Mount,
  host: Host,
): Promise<void> {
  const { path, description, config } = want;
  const at = `${table}/${path}`;
  if (!(await mountedAt(table, want, host))) {
    await writeAt(want, at, { type: typeOf(want), description, options: optionsOf(want), config }, host);
    return;
  }
  if (changes.type)
    throw new BomaError("vault/unlike", (await blockedMount(table, want, host)) ?? "it changed");
  const options = changes.options && { options: optionsOf(want) };
  await writeAt(want, `${at}/tune`, { description, ...options, ...config }, host);
}
