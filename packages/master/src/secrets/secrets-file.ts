/** `secrets.yaml` in the master's home: where secrets come from, and which nodes may have which. Without it there are defaults. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";

import { BomaError, compileGlob, compileTarget, parseDuration, parseTarget } from "@boma/protocol";
import { LineCounter, parseDocument } from "yaml";
import { z } from "zod";

import { assertPrivate, type Home } from "../home.ts";
import { NodeRecord } from "../registry/node-record.ts";

const Path = z.string().startsWith("/", "a whole path, from / on");
const Variable = z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/, "the name of a variable");
const Assurance = NodeRecord.shape.assurance;
export const ASSURANCES = Assurance.options;

const AppRole = z.strictObject({
  roleId: z.string(),
  secretId: z.string().optional(),
  secretIdFile: Path.optional(),
  secretIdEnv: Variable.optional(),
  mount: z.string().default("approle"),
});

const Vault = z.strictObject({
  /** Else VAULT_ADDR, VAULT_NAMESPACE and VAULT_CACERT say it, as for Vault's own programs. */
  address: z.url().optional(),
  namespace: z.string().optional(),
  caFile: Path.optional(),
  token: z.string().optional(),
  tokenFile: Path.optional(),
  tokenEnv: Variable.default("VAULT_TOKEN"),
  appRole: AppRole.optional(),
  timeout: z.string().default("10s").transform(parseDuration),
});
export type VaultSettings = z.output<typeof Vault>;

const Rule = z.strictObject({
  /** A pattern for references: `vault:kv/data/db/*`. */
  secrets: z.string().transform((pattern) => compileGlob(pattern)),
  /** Which nodes may have them, by what the master assigned. */
  nodes: z
    .string()
    .transform((target) => ({ text: target, matches: compileTarget(parseTarget(target)) }))
    .optional(),
  assurance: Assurance.optional(),
});
export type Rule = z.output<typeof Rule>;

const Settings = z.strictObject({
  vault: Vault.prefault({}),
  age: z.strictObject({ identityFile: Path.optional() }).prefault({}),
  file: z.strictObject({ directories: z.array(Path).optional() }).prefault({}),
  /** What a node must have shown of itself to be given any secret. */
  assurance: Assurance.default("boot-token"),
  /** The first whose pattern fits decides. */
  rules: z.array(Rule).max(1000).default([]),
});
export type SecretSettings = z.output<typeof Settings> & {
  readonly identityFile: string;
  readonly directories: readonly string[];
};

const identityFileOf = (home: Home): string => join(home.keys, "age.txt");

export function readSecretSettings(home: Home): SecretSettings {
  const path = join(home.dir, "secrets.yaml");
  const settings = existsSync(path) ? readSettings(path) : Settings.parse({});
  return {
    ...settings,
    identityFile: settings.age.identityFile ?? identityFileOf(home),
    directories: settings.file.directories ?? ["/etc/boma/secrets", join(home.dir, "secrets")],
  };
}

function readSettings(path: string): z.output<typeof Settings> {
  // It may hold a token.
  assertPrivate(path);
  const lines = new LineCounter();
  const document = parseDocument(readFileSync(path, "utf8"), { lineCounter: lines, logLevel: "silent" });
  const [fault] = document.errors;
  if (fault) throw unfit(`${path}:${fault.linePos?.[0].line ?? 1} is not YAML`);
  try {
    const read = Settings.safeParse(document.toJS() ?? {});
    if (read.success) return read.data;
    // Paths and messages of the schema, never what stands there.
    const [issue] = read.error.issues;
    throw unfit(`${path}: ${issue!.path.join(".") || "the file"}: ${issue!.message}`);
  } catch (thrown) {
    if (thrown instanceof BomaError && thrown.code === "usage/file") throw thrown;
    throw unfit(`${path}: ${thrown instanceof Error ? thrown.message : String(thrown)}`);
  }
}

const unfit = (message: string): BomaError =>
  new BomaError("usage/file", message, { hint: "See docs/guide/secrets.md." });
