/**
 * `vault:MOUNT/data/PATH#KEY?version=N` of a versioned store, `vault:MOUNT/PATH#KEY`
 * of an old one: the path is that of Vault's own HTTP interface. The master goes
 * there with a token, or with an AppRole for which it gets one.
 */
import { readFile } from "node:fs/promises";

import { z } from "zod";

import { textOf } from "./document.ts";
import { readPrivate, realPath } from "./private-file.ts";
import type { SecretProvider } from "./provider.ts";
import { assertOptions, malformed, type Reference, unknown, unreadable } from "./reference.ts";
import type { VaultSettings } from "./secrets-file.ts";
import { askVault, type VaultAnswer } from "./vault-http.ts";

type Environment = Readonly<Record<string, string | undefined>>;

const Login = z.object({ auth: z.object({ client_token: z.string().min(1) }) });
const Versioned = z.object({
  data: z.object({ data: z.record(z.string(), z.unknown()).nullable(), metadata: z.object({}) }),
});
const Plain = z.object({ data: z.record(z.string(), z.unknown()) });

const SEGMENT = /^[A-Za-z0-9_.@+=,~ -]+$/;

/** Each of them lives for one run: what was read once is not asked for again, and then forgotten. */
export class VaultSecrets implements SecretProvider {
  readonly #settings: VaultSettings;
  readonly #environment: Environment;
  readonly #read = new Map<string, Promise<Readonly<Record<string, unknown>>>>();
  #token: Promise<string> | undefined;

  constructor(settings: VaultSettings, environment: Environment) {
    this.#settings = settings;
    this.#environment = environment;
  }

  check(reference: Reference): void {
    const { text, path, key, options } = reference;
    assertOptions(reference, ["version"]);
    const segments = path.split("/");
    if (segments.length < 2 || segments.some((part) => !SEGMENT.test(part) || part === "." || part === ".."))
      throw malformed(text, "Write vault:MOUNT/data/PATH#KEY.");
    if (key === undefined) throw malformed(text, "Say which value is meant: vault:MOUNT/data/PATH#KEY.");
    if (!/^[1-9]\d{0,9}$/.test(options.get("version") ?? "1"))
      throw malformed(text, "A version is a number from 1 on.");
  }

  async read(reference: Reference): Promise<string> {
    const { path, key, options } = reference;
    const version = options.get("version");
    const name = version === undefined ? path : `${path}?version=${version}`;
    let reading = this.#read.get(name);
    if (!reading) this.#read.set(name, (reading = this.#fetch(reference, name)));
    const values = await reading.catch((thrown: unknown) => {
      this.#read.delete(name);
      throw thrown;
    });
    const value = Object.hasOwn(values, key!) ? values[key!] : undefined;
    if (value === undefined || value === null) throw unknown(reference, `there is no ${key} in it`);
    if (typeof value === "object") throw unknown(reference, `${key} is not a single value`);
    return typeof value === "string" ? value : JSON.stringify(value);
  }

  async #fetch(reference: Reference, name: string): Promise<Readonly<Record<string, unknown>>> {
    this.#token ??= this.#logIn(reference);
    const token = await this.#token.catch((thrown: unknown) => {
      this.#token = undefined;
      throw thrown;
    });
    const answer = await this.#ask(reference, { method: "GET", path: name, token });
    if (answer.status !== 200) throw this.#refusal(reference, answer);
    const versioned = Versioned.safeParse(answer.body);
    if (versioned.success) {
      if (versioned.data.data.data) return versioned.data.data.data;
      throw unknown(reference, "this version was deleted");
    }
    const plain = Plain.safeParse(answer.body);
    if (plain.success) return plain.data.data;
    throw unreadable(reference, "Vault's answer holds no secret");
  }

  /** The token that is configured, or one for the AppRole. */
  async #logIn(reference: Reference): Promise<string> {
    const { token, tokenFile, tokenEnv, appRole } = this.#settings;
    if (!appRole) {
      const held =
        token ??
        (tokenFile === undefined ? this.#environment[tokenEnv] : await fileText(tokenFile, reference));
      if (held) return held;
      throw unreadable(
        reference,
        `the master has no token for Vault: neither in secrets.yaml nor in ${tokenEnv}`,
        "Set `vault.token`, `vault.tokenFile` or `vault.appRole` in secrets.yaml.",
      );
    }
    const { roleId, mount, secretId, secretIdFile, secretIdEnv } = appRole;
    const secret =
      secretId ??
      (secretIdFile === undefined
        ? secretIdEnv && this.#environment[secretIdEnv]
        : await fileText(secretIdFile, reference));
    const body = { role_id: roleId, ...(secret && { secret_id: secret }) };
    const answer = await this.#ask(reference, { method: "POST", path: `auth/${mount}/login`, body });
    const login = Login.safeParse(answer.body);
    if (answer.status === 200 && login.success) return login.data.auth.client_token;
    if (answer.status === 400 || answer.status === 403)
      throw unreadable(reference, "Vault refused the master's AppRole", "Is the secret id still valid?");
    throw this.#refusal(reference, answer);
  }

  async #ask(
    reference: Reference,
    ask: { method: "GET" | "POST"; path: string; token?: string; body?: unknown },
  ): Promise<VaultAnswer> {
    const address = this.#settings.address ?? this.#environment["VAULT_ADDR"];
    if (!address)
      throw unreadable(
        reference,
        "the master does not know where Vault is",
        "Set `vault.address` in secrets.yaml, or VAULT_ADDR.",
      );
    const namespace = this.#settings.namespace ?? this.#environment["VAULT_NAMESPACE"];
    const url = urlOf(address, ask.path, reference);
    const headers = {
      "x-vault-request": "true",
      ...(ask.token !== undefined && { "x-vault-token": ask.token }),
      ...(namespace && { "x-vault-namespace": namespace }),
    };
    const ca = await this.#authority(reference);
    try {
      return await askVault({ ...ask, url, headers, ca, timeoutMs: this.#settings.timeout });
    } catch (thrown) {
      throw unreadable(reference, `Vault at ${url.origin} cannot be reached: ${(thrown as Error).message}`);
    }
  }

  async #authority(reference: Reference): Promise<string | undefined> {
    const path = this.#settings.caFile ?? this.#environment["VAULT_CACERT"];
    if (!path) return undefined;
    return readFile(path, "utf8").catch((thrown: NodeJS.ErrnoException) => {
      throw unreadable(
        reference,
        `Vault's authority ${path} cannot be read: ${thrown.code ?? "unknown fault"}`,
      );
    });
  }

  /** In our own words: what a server answers may quote what it was asked. */
  #refusal(reference: Reference, { status }: VaultAnswer): Error {
    if (status === 404)
      return unknown(
        reference,
        "Vault has nothing there",
        "In a versioned store the path goes on with /data/ after the mount.",
      );
    const [why, hint] = REFUSALS[status] ?? [`Vault answered with status ${status}`];
    return unreadable(reference, why, hint);
  }
}

const REFUSALS: Readonly<Record<number, readonly [why: string, hint?: string]>> = {
  307: [
    "this Vault is on standby and names another",
    "Set `vault.address` to the active one, or to what stands before them.",
  ],
  400: ["Vault cannot use the request", "Is the namespace right, and the path one of a key-value store?"],
  403: [
    "Vault does not permit it to the master",
    "Its token may have expired, or its policy lacks `read` on this path.",
  ],
  429: ["this Vault is on standby, or has too many requests"],
  472: ["this Vault is a standby for disaster recovery"],
  473: ["this Vault is a standby for performance"],
  501: ["Vault is not initialised"],
  503: ["Vault is sealed", "Unseal it; what nodes have already stays as it is."],
};

function urlOf(address: string, path: string, reference: Reference): URL {
  const url = new URL(address);
  const loopback = ["127.0.0.1", "[::1]", "localhost"].includes(url.hostname);
  if (url.protocol !== "https:" && !(url.protocol === "http:" && loopback))
    throw unreadable(reference, `${url.origin} would carry the master's token in the clear`, "Use https.");
  const [place = "", query] = path.split("?");
  url.pathname = `${url.pathname.replace(/\/+$/, "")}/v1/${place.split("/").map(encodeURIComponent).join("/")}`;
  url.search = query ?? "";
  return url;
}

const fileText = async (path: string, reference: Reference): Promise<string> =>
  textOf(await readPrivate(await realPath(path, reference), reference), reference).trim();
