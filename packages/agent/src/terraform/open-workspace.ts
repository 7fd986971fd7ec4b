/** The workspace of a job as it came: opened, checked against its schema, secrets in memory only. */
import { createHash } from "node:crypto";

import { BomaError, openSealed, pack, type SealingKey, unpackHostile } from "@boma/protocol";
import {
  type CatalogEntry,
  maskOf,
  type Mask,
  Parcel,
  replaceSecrets,
  sorted,
  validateCatalog,
  Workspace,
  workspaceSpec,
} from "@boma/states/core";

export interface OpenedWorkspace {
  readonly want: Workspace;
  readonly mask: Mask;
  /** What of it a plan is bound to. */
  readonly files: string;
  readonly inputs: string;
}

export function openWorkspace(sealed: Uint8Array, key: SealingKey, name: string): OpenedWorkspace {
  const { catalog, secrets } = Parcel.parse(unpackHostile(openSealed(sealed, key)));
  const { entries } = validateCatalog(catalog, { [workspaceSpec.name]: workspaceSpec });
  const [entry] = entries;
  if (!entry || entries.length > 1 || entry.key !== name)
    throw new BomaError("terraform/workspace", `the job came with another workspace than ${name}`);
  const params = replaceSecrets(entry.params, (reference) => {
    const value = secrets[reference];
    if (value !== undefined) return value;
    throw new BomaError("terraform/workspace", `the job came without the secret ${reference}`);
  });
  const want = Workspace.parse(params);
  return { want, mask: maskOf(Object.values(secrets)), ...digestsOf(entry, want, catalog.secrets) };
}

/** Of secrets the references count and the keyed tags that the master gave their values, and never the values. */
function digestsOf(
  { params }: CatalogEntry,
  { files }: Workspace,
  tags: Readonly<Record<string, string>>,
): Pick<OpenedWorkspace, "files" | "inputs"> {
  const listed = [...files]
    .sort((a, b) => (a.path < b.path ? -1 : 1))
    .map(({ path, bytes }) => [path, bytes]);
  const { files: _, ...rest } = params;
  return { files: digestOf(listed), inputs: digestOf([rest, tags]) };
}

const digestOf = (value: unknown): string =>
  createHash("sha256")
    .update(pack(sorted(value)))
    .digest("hex");
