/**
 * A Terraform or OpenTofu workspace, as a site declares it beside its `*.tf` files. What concerns the node is compiled
 * for it like a declaration of a tree; whom it is for and who approves stays with the master.
 *
 *   export default terraformWorkspace({ on: "control01", vars: { token: secret("vault:kv/data/cloud#token") } });
 */
import { BomaError, closest, parseDuration } from "@boma/protocol";
import { z } from "zod";

import type { Secret } from "../secret.ts";
import type { AnySpec } from "../state-spec.ts";
import type { Known } from "../tree.ts";

export const WORKSPACE_NAME = /^[a-z0-9][a-z0-9_-]{0,62}$/;
export const WorkspaceName = z.string().regex(WORKSPACE_NAME, "small letters, digits and `_-`, at most 63");

/** Files of one workspace, and what they weigh together: they travel whole with every job. */
const FILES_MAX = 500;
export const WORKSPACE_BYTES_MAX = 8 * 1024 * 1024;
const TTL_MS_MAX = 30 * 86_400_000;

const Identifier = z.string().regex(/^[A-Za-z_][\w-]{0,127}$/, "a name as Terraform has it");
const AbsolutePath = z.string().regex(/^(\/[\w.@+-]+)+$/, "an absolute path of plain characters");
const Address = z.string().min(1).max(1024);
/** Each part begins with something else than a dot, but for the lock file and what ignores files. */
const FILE_PATH =
  /^(?:[A-Za-z0-9_][\w.@+-]*\/)*(?:[A-Za-z0-9_][\w.@+-]*|\.terraform\.lock\.hcl|\.terraformignore)$/;
/** What decides how Terraform itself behaves is ours to say. */
const OwnVariable = z
  .string()
  .regex(/^[A-Za-z_]\w{0,127}$/, "the name of a variable of the environment")
  .refine(
    (name) => !/^TF_(?!HTTP_|TOKEN_)/i.test(name),
    "TF_… is set by boma, but for credentials: variables of the workspace stand in `vars`",
  )
  .refine((name) => !/^(PATH|HOME|LD_\w+)$/.test(name), "this one stays as it is");

const duration = (msMax: number) =>
  z.string().refine((text) => {
    try {
      return parseDuration(text) <= msMax;
    } catch {
      return false;
    }
  }, "a duration such as `30s`, `5m` or `24h`, up to 30d");

const Policy = z.strictObject({
  maxDestroy: z.int().min(0).max(100_000).default(0).describe("So many may be destroyed or replaced."),
  protect: z
    .array(Address)
    .max(1000)
    .default([])
    .describe("Never destroyed nor replaced, nor what is in it."),
  allowReplace: z.array(Address).max(1000).default([]).describe("May be replaced without being counted."),
});
export type Policy = z.output<typeof Policy>;

const Approvals = z.strictObject({
  count: z.int().min(0).max(10).default(1),
  notSubmitter: z.boolean().default(true),
  ttl: duration(TTL_MS_MAX).default("24h"),
});
export type Approvals = z.output<typeof Approvals>;

const forNode = {
  binary: z.enum(["tofu", "terraform"]).default("tofu"),
  program: AbsolutePath.optional().describe("Where it lies; it is looked for where it is not said."),
  version: z
    .string()
    .regex(/^\d+\.\d+\.\d+[\w.+-]*$/, "a version such as `1.6.3`")
    .optional()
    .describe("No other version does anything."),
  vars: z.record(Identifier, z.unknown()).default({}),
  env: z.record(OwnVariable, z.string()).default({}).describe("For providers and the backend."),
  backend: z
    .strictObject({
      type: Identifier.refine(
        (type) => type !== "local",
        "the state lies on the node where no backend is named",
      ),
      config: z.record(Identifier, z.unknown()).default({}).describe("No secrets: they end up in plans."),
    })
    .optional(),
  pluginMirror: AbsolutePath.optional().describe("A directory on the node that has the providers."),
  parallelism: z.int().min(1).max(256).optional(),
  lockTimeout: duration(TTL_MS_MAX).default("1m").describe("How long it waits for the lock of the backend."),
  policy: Policy.prefault({}),
};

const Written = z.strictObject({
  on: z.string().min(1).max(4096),
  ...forNode,
  /** They are read when the node is known. */
  vars: z.unknown().optional(),
  env: z.unknown().optional(),
  modules: z.array(z.string().regex(FILE_PATH)).max(64).default([]),
  approvals: Approvals.prefault({}),
});

type MayBeSecret =
  | Secret
  | string
  | number
  | boolean
  | null
  | readonly MayBeSecret[]
  | { readonly [name: string]: MayBeSecret };
type PerNode<T> = T | ((known: Known<Record<string, unknown>>) => T);

export interface WorkspaceOptions extends Omit<z.input<typeof Written>, "vars" | "env"> {
  /** The variables, secrets as references; with a function they come from the node's pillar. */
  readonly vars?: PerNode<Readonly<Record<string, MayBeSecret>>>;
  /** Credentials of providers and of the backend. */
  readonly env?: PerNode<Readonly<Record<string, string | Secret>>>;
}

export interface TerraformWorkspace {
  readonly isWorkspace: true;
  readonly options: z.output<typeof Written>;
}

export function terraformWorkspace(options: WorkspaceOptions): TerraformWorkspace {
  const read = Written.safeParse(options);
  if (read.success) return { isWorkspace: true, options: read.data };
  const unknown = read.error.issues.flatMap((issue) =>
    issue.code === "unrecognized_keys" ? issue.keys : [],
  );
  const near = unknown
    .map((name) => closest(name, Object.keys(Written.shape)))
    .find((name) => name !== undefined);
  throw new BomaError("terraform/workspace", `this is not a workspace:\n${z.prettifyError(read.error)}`, {
    ...(near !== undefined && { hint: `Did you mean \`${near}\`?` }),
  });
}

/** What the master must know of a workspace without compiling it. */
export const WorkspaceInfo = z.strictObject({
  name: WorkspaceName,
  on: z.string(),
  binary: z.enum(["tofu", "terraform"]),
  approvals: z.strictObject({ count: z.int(), notSubmitter: z.boolean(), ttlMs: z.number() }),
});
export type WorkspaceInfo = z.output<typeof WorkspaceInfo>;

export const WorkspaceFile = z.strictObject({
  /** From the site's `terraform/`, so that a workspace reaches its modules at the same places as in the site. */
  path: z.string().max(1024).regex(FILE_PATH),
  bytes: z.custom<Uint8Array>((value) => value instanceof Uint8Array, "bytes"),
});
export type WorkspaceFile = z.output<typeof WorkspaceFile>;

/** As it travels to the node. */
export const Workspace = z.strictObject({
  name: WorkspaceName,
  ...forNode,
  files: z
    .array(WorkspaceFile)
    .min(1)
    .max(FILES_MAX)
    .refine(
      (files) => files.reduce((sum, { bytes }) => sum + bytes.length, 0) <= WORKSPACE_BYTES_MAX,
      `the files weigh more than ${WORKSPACE_BYTES_MAX} bytes together`,
    ),
});
export type Workspace = z.output<typeof Workspace>;

const notApplied = (): Promise<never> =>
  Promise.reject(
    new BomaError("internal", "a workspace is planned and applied by the functions terraform.*"),
  );

/** A declaration like others where it is compiled and sealed; no catalog of a node holds one, and no agent applies it. */
export const workspaceSpec: AnySpec = {
  name: "terraform.workspace",
  summary: "A workspace of Terraform or OpenTofu.",
  key: "name",
  params: Workspace,
  secretive: ["vars", "env"],
  check: notApplied,
  apply: notApplied,
  examples: [],
};
