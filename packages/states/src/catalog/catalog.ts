/** What the master compiled for one node: declarations as plain data, in the order in which they run. */
import { createHash } from "node:crypto";

import { DECLARATION_ID_LENGTH_MAX, KEY_LENGTH_MAX, pack, STATE_LENGTH_MAX } from "@boma/protocol";
import { z } from "zod";

import { DriftOption, REQUISITES } from "../declaration.ts";
import { STAGES } from "../stages.ts";

/** Declarations that one catalog may hold. */
export const CATALOG_ENTRIES_MAX = 20_000;

/** A week: no declaration may take longer, nor wait longer for its next attempt. */
export const DURATION_MS_MAX = 7 * 86_400_000;
const DurationMs = z.int().nonnegative().max(DURATION_MS_MAX);

const Guard = z.union([z.string().min(1), z.array(z.string()).min(1)]);

export const CatalogEntry = z.strictObject({
  /** `file.managed(/etc/motd)`: the same in output, logs, events and references. */
  id: z.string().max(DECLARATION_ID_LENGTH_MAX),
  state: z.string().max(STATE_LENGTH_MAX),
  key: z.string().max(KEY_LENGTH_MAX),
  /** As the state's schema gives them, with secrets as references. */
  params: z.record(z.string(), z.unknown()),
  /** Ids of other entries; `…In` forms are turned around already. */
  requisites: z.partialRecord(z.enum(REQUISITES), z.array(z.string()).min(1)),
  /** Ids of entries that come first though nobody wrote it: the directory above, the user who is to own. */
  after: z.array(z.string()),
  unless: z.array(Guard).optional(),
  onlyIf: z.array(Guard).optional(),
  creates: z.array(z.string()).optional(),
  retry: z.strictObject({ attempts: z.int().min(1).max(100), intervalMs: DurationMs }).optional(),
  timeoutMs: DurationMs.positive().optional(),
  failHard: z.boolean().optional(),
  drift: DriftOption.optional(),
  /** Where it stands when a fleet comes up, and what that stands on where it is not as usual. */
  stage: z.enum(STAGES).optional(),
  awaits: z.array(z.enum(STAGES)).optional(),
  /** Where in the site it was written. */
  origin: z.strictObject({ file: z.string(), line: z.int(), column: z.int() }).optional(),
});
export type CatalogEntry = z.output<typeof CatalogEntry>;

export const Catalog = z.strictObject({
  format: z.literal(1),
  /** SHA-256 of the bundle with the site's own states, where an entry needs it. */
  bundle: z.string().nullable(),
  entries: z.array(CatalogEntry).max(CATALOG_ENTRIES_MAX),
  /** Each secret that an entry refers to, with a keyed tag of its value: a new value is a new catalog. */
  secrets: z.record(z.string(), z.string()),
});
export type Catalog = z.output<typeof Catalog>;

/** The same inputs, the same hash. Where something was written is not part of what it means. */
export function catalogHash(catalog: Catalog): string {
  const entries = catalog.entries.map((entry) => ({ ...entry, origin: undefined }));
  return createHash("sha256")
    .update(pack(sorted({ ...catalog, entries })))
    .digest("hex");
}

/** With the names of every record in order, so that equal values are equal bytes. */
export function sorted(value: unknown): unknown {
  if (typeof value !== "object" || value === null || value instanceof Uint8Array) return value;
  if (Array.isArray(value)) return value.map((member) => sorted(member));
  const entries = Object.entries(value).filter(([, member]) => member !== undefined);
  return Object.fromEntries(
    entries.sort(([a], [b]) => (a < b ? -1 : 1)).map(([key, member]) => [key, sorted(member)]),
  );
}
