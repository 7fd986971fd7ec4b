/** What is written to a path of Vault, and read again to compare. */
import { z } from "zod";

import type { Change, Changes } from "../../changes.ts";
import type { Host, ReadHost } from "../../host/host.ts";
import { type Data, differing } from "./alike.ts";
import { type Access, readAt, writeAt } from "./api.ts";

const Value: z.ZodType = z.union([
  z.string(),
  z.number(),
  z.boolean(),
  z.array(z.string()),
  z.record(z.string(), z.union([z.string(), z.number(), z.boolean(), z.array(z.string())])),
]);
export const DataOf = z.record(z.string().min(1), Value);
export const Ignore = z
  .array(z.string())
  .default([])
  .describe("Keys that are written with the others and never compared, because Vault does not tell them.");

/** What Vault answers where nothing lies there: some engines say so with 400. */
const NOTHING = [400, 404];

export interface Written extends Access {
  readonly data: Data;
  readonly ignore: readonly string[];
}

export interface DataProperties {
  data: Data;
}

export async function checkData(
  path: string,
  want: Written,
  host: ReadHost,
): Promise<Changes<DataProperties>> {
  const change = differing(await readAt(want, path, host, NOTHING), want.data, want.ignore);
  return change ? { data: change as Change<Data> } : {};
}

export const applyData = (path: string, want: Written, host: Host): Promise<void> =>
  writeAt(want, path, want.data, host);
