/**
 * Run inside a host: the master's own way to a Vault, against the real one there. Settings and references come as JSON
 * on standard input; what each led to goes out, or how it failed.
 */
import { text } from "node:stream/consumers";

import { asBomaError } from "@boma/protocol";

import { parseReference } from "../../packages/master/src/secrets/reference.ts";
import type { VaultSettings } from "../../packages/master/src/secrets/secrets-file.ts";
import { VaultSecrets } from "../../packages/master/src/secrets/vault-secrets.ts";

interface Asked {
  readonly settings: VaultSettings;
  readonly references: readonly string[];
}

const { settings, references } = JSON.parse(await text(process.stdin)) as Asked;
const secrets = new VaultSecrets(settings, {});

async function read(reference: string): Promise<object> {
  try {
    const parsed = parseReference(reference);
    secrets.check(parsed);
    return { value: await secrets.read(parsed) };
  } catch (thrown) {
    const { code, message } = asBomaError(thrown);
    return { code, message };
  }
}

process.stdout.write(JSON.stringify(await Promise.all(references.map(read))));
