/** Those who hold the shares of a Vault in a test, with PGP keys of their own, and what they do with them. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import type { Host } from "./host.ts";
import { mustRun } from "./hosts/program.ts";

/** The agent of each home ends with it. */
export class Holders implements AsyncDisposable {
  readonly #home: string;

  private constructor(home: string) {
    this.#home = home;
  }

  static async open(): Promise<Holders> {
    return new Holders(await mkdtemp(join(tmpdir(), "boma-holders-")));
  }

  #gpg(...words: readonly string[]): Promise<string> {
    return mustRun(["gpg", "--batch", "--quiet", "--trust-model", "always", ...words], {
      env: { GNUPGHOME: this.#home },
    });
  }

  /** A new key that can be encrypted to; its public half, armoured. */
  async key(name: string): Promise<string> {
    const id = `${name}@boma.invalid`;
    await this.#gpg("--passphrase", "", "--quick-gen-key", id, "future-default", "default", "never");
    return this.#gpg("--armor", "--export", id);
  }

  /** What was encrypted to one of them. */
  async open(base64: string): Promise<string> {
    const file = join(this.#home, "message");
    await writeFile(file, Buffer.from(base64, "base64"));
    return (await this.#gpg("--decrypt", file)).trim();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await mustRun(["gpgconf", "--kill", "gpg-agent"], { env: { GNUPGHOME: this.#home } });
    await rm(this.#home, { recursive: true });
  }
}

export interface VaultAnswer {
  readonly status: number;
  readonly body: Readonly<Record<string, unknown>>;
}

interface Asked {
  readonly token?: string | undefined;
  readonly body?: object;
  readonly method?: string;
  /** A response is wrapped for so long. */
  readonly wrap?: string;
  readonly address?: string;
}

/** What a Vault answers to somebody on its own machine. Nothing secret is in the command line: all of it is standard input. */
export async function ask(host: Host, path: string, asked: Asked = {}): Promise<VaultAnswer> {
  const { token, body, method = body ? "POST" : "GET", wrap, address = "http://127.0.0.1:8200" } = asked;
  const lines = [
    `url = "${address}/v1/${path}"`,
    `request = "${method}"`,
    "silent",
    "insecure",
    String.raw`write-out = "\n%{http_code}"`,
    ...(token === undefined ? [] : [`header = "x-vault-token: ${token}"`]),
    ...(wrap === undefined ? [] : [`header = "x-vault-wrap-ttl: ${wrap}"`]),
    ...(body ? [`data = ${JSON.stringify(JSON.stringify(body))}`] : []),
  ];
  const said = await host.must(["curl", "--config", "-"], { stdin: lines.join("\n") });
  const at = said.lastIndexOf("\n");
  const text = said.slice(0, at);
  return {
    status: Number(said.slice(at + 1)),
    body: text === "" ? {} : (JSON.parse(text) as VaultAnswer["body"]),
  };
}

/** The part of an answer that is asked for, or a broken test. */
export async function dataOf<T>(host: Host, path: string, asked: Asked = {}): Promise<T> {
  const { status, body } = await ask(host, path, asked);
  if (status < 200 || status > 299) throw new Error(`${path} answered ${status}: ${JSON.stringify(body)}`);
  return (body["data"] ?? body) as T;
}

/** What a site declares in Vault itself; `open` says where it is and with which token. */
export const CONFIG = `
  vault.mount("kv", { type: "kv-v2", description: "of services", ...open }),
  vault.mount("pki", { type: "pki", config: { max_lease_ttl: "87600h" }, ...open }),
  vault.written("pki/root/generate/internal", { data: { common_name: "lan", ttl: "87600h" },
    once: { read: "pki/cert/ca", field: "certificate" }, ...open, require: "vault.mount(pki)" }),
  vault.role("web", { kind: "pki", data: { allowed_domains: "lan", allow_subdomains: true, max_ttl: "720h" }, ...open, require: "vault.mount(pki)" }),
  vault.mount("ssh", { type: "ssh", ...open }),
  vault.written("ssh/config/ca", { data: { generate_signing_key: true }, once: { read: "ssh/config/ca", field: "public_key" }, ...open, require: "vault.mount(ssh)" }),
  vault.role("people", { kind: "ssh", data: { key_type: "ca", allow_user_certificates: true, allowed_users: "alice",
    default_extensions: { "permit-pty": "" }, ttl: "5m" }, ...open, require: "vault.mount(ssh)" }),
  vault.mount("transit", { type: "transit", ...open }),
  vault.role("unseal", { kind: "transit", data: { type: "aes256-gcm96" }, ...open, require: "vault.mount(transit)" }),
  vault.auth("approle", { type: "approle", ...open }),
  vault.auth("people", { type: "userpass", ...open }),
  vault.policy("node", { paths: { "kv/data/web": ["read"], "pki/issue/web": ["update"], "ssh/sign/people": ["update"] }, ...open }),
  vault.role("node", { kind: "approle", data: { token_policies: "node", token_ttl: "1h", secret_id_num_uses: 5 }, ...open, require: "vault.auth(approle)" }),
  vault.auditDevice("file", { type: "file", options: { file_path: "/opt/vault/audit.log" }, ...open }),
`;
