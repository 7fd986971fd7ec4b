/**
 * Turns references into values, right before a job goes out: for one node, if it
 * may have them. Values are in memory only, and in no error and no log.
 */
import { createHmac } from "node:crypto";

import { BomaError } from "@boma/protocol";

import type { Home } from "../home.ts";
import { ageSecrets } from "./age-secrets.ts";
import { SECRET_BYTES_MAX } from "./document.ts";
import { envSecrets } from "./env-secrets.ts";
import { fileSecrets } from "./file-secrets.ts";
import type { GenSecrets } from "./gen-secrets.ts";
import { ANYBODY, type ForNode, type SecretProvider } from "./provider.ts";
import { parseReference, type Provider, type Reference, unknown, unreadable } from "./reference.ts";
import { assertMayHave } from "./secret-policy.ts";
import { readSecretSettings, type SecretSettings } from "./secrets-file.ts";
import { VaultSecrets } from "./vault-secrets.ts";

export interface ResolverOptions {
  readonly home: Home;
  readonly site: string;
  readonly gen: GenSecrets;
  /** The store's key: tags of values are made with one that comes from it. */
  readonly storeKey: () => Uint8Array;
  readonly environment: Readonly<Record<string, string | undefined>>;
}

/** Secrets of one node, and how many of them are fetched at once. */
const REFERENCES_MAX = 1000;
const AT_ONCE = 8;
const TAG_DIGITS = 32;

export class SecretResolver {
  readonly #options: ResolverOptions;
  readonly #environment: Readonly<Record<string, string | undefined>>;

  constructor(options: ResolverOptions) {
    this.#options = options;
    this.#environment = { ...options.environment };
  }

  /** For one node, by itself. Where a job has many, `newRun` asks each place once for all of them. */
  resolve(references: readonly string[], node: ForNode): Promise<Map<string, string>> {
    return this.newRun().resolve(references, node);
  }

  /** For the master's own use on behalf of its site. What rules keep for certain nodes the site gets nowhere else either. */
  resolveOwn(references: readonly string[]): Promise<Map<string, string>> {
    const each = references.find((reference) => /[?&]per=node\b/.test(reference));
    if (each !== undefined)
      throw new BomaError("state/secret", `${each} is made for each node, and this is for none`);
    return this.newRun().resolve(references, ANYBODY);
  }

  /** Settings are read anew for each run, so that a change of them needs no new start. */
  newRun(): SecretRun {
    const { home, site, gen } = this.#options;
    const settings = readSecretSettings(home);
    const { vault, identityFile, directories } = settings;
    const reserved = [vault.tokenEnv, vault.appRole?.secretIdEnv ?? vault.tokenEnv];
    return new SecretRun(settings, {
      vault: new VaultSecrets(vault, this.#environment),
      age: ageSecrets(site, identityFile),
      file: fileSecrets(directories),
      env: envSecrets(this.#environment, reserved),
      gen,
    });
  }

  /** Another value, another tag; nobody without the store's key learns from it what the value is. */
  tagOf(reference: string, value: string): string {
    const key = createHmac("sha256", this.#options.storeKey()).update("boma/1/secret-tag").digest();
    return createHmac("sha256", key).update(`${reference}\0${value}`).digest("hex").slice(0, TAG_DIGITS);
  }
}

type Providers = Readonly<Record<Provider, SecretProvider>>;

/** One job's worth of secrets: each place is asked once, however many nodes need it. */
export class SecretRun {
  readonly #settings: Pick<SecretSettings, "assurance" | "rules">;
  readonly #providers: Providers;
  readonly #values = new Map<string, Promise<string>>();

  constructor(settings: Pick<SecretSettings, "assurance" | "rules">, providers: Providers) {
    this.#settings = settings;
    this.#providers = providers;
  }

  async resolve(references: readonly string[], node: ForNode): Promise<Map<string, string>> {
    const wanted = [...new Set(references)];
    if (wanted.length > REFERENCES_MAX)
      throw new BomaError(
        "state/secret",
        `${wanted.length} secrets for one node are more than ${REFERENCES_MAX}`,
      );
    const parsed = wanted.map(parseReference);
    for (const reference of parsed) {
      this.#providers[reference.provider].check(reference);
      // Before anything is read: a secret that is denied is not even fetched.
      assertMayHave(this.#settings, reference.text, node);
    }
    const values: string[] = [];
    let next = 0;
    const work = async (): Promise<void> => {
      for (let at = next++; at < parsed.length; at = next++) values[at] = await this.#read(parsed[at]!, node);
    };
    await Promise.all(Array.from({ length: Math.min(AT_ONCE, parsed.length) }, work));
    return new Map(parsed.map(({ text }, at) => [text, values[at]!]));
  }

  #read(reference: Reference, node: ForNode): Promise<string> {
    // What is made for each node is no other's.
    const name = reference.options.get("per") === "node" ? `${reference.text} ${node.key}` : reference.text;
    let reading = this.#values.get(name);
    if (!reading) {
      reading = readChecked(this.#providers[reference.provider], reference, node);
      this.#values.set(name, reading);
      reading.catch(() => this.#values.delete(name));
    }
    return reading;
  }
}

async function readChecked(provider: SecretProvider, reference: Reference, node: ForNode): Promise<string> {
  const value = await provider.read(reference, node);
  // An empty one is always a mistake somewhere else, and cannot be masked.
  if (value === "") throw unknown(reference, "the secret is empty");
  if (Buffer.byteLength(value) > SECRET_BYTES_MAX)
    throw unreadable(reference, `the secret is larger than ${SECRET_BYTES_MAX} bytes`);
  if (value.includes("\0"))
    throw unreadable(reference, "the secret holds a zero byte", "Keep binary secrets in base64.");
  return value;
}
