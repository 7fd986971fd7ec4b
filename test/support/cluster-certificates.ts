/** Certificates for the members of a cluster in a test: good on both sides of a connection, with the name that says what a member is. */
import { readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import type { Host } from "./host.ts";
import { mustRun } from "./hosts/program.ts";

export interface Given {
  /** As what the certificate shows it: `server.dc1.consul`. */
  readonly name: string;
  /** The directory on the host; in it `ca.pem`, `agent.pem` and `agent-key.pem`. */
  readonly directory: string;
  readonly group: string;
}

export class Authority implements AsyncDisposable {
  readonly #home: string;

  private constructor(home: string) {
    this.#home = home;
  }

  static async open(name: string): Promise<Authority> {
    const authority = new Authority(await mkdtemp(join(tmpdir(), "boma-cluster-tls-")));
    await authority.#made(name, "-keyout", authority.#at("ca-key.pem"), "-out", authority.#at("ca.pem"));
    return authority;
  }

  #at(file: string): string {
    return join(this.#home, file);
  }

  #made(subject: string, ...words: readonly string[]): Promise<string> {
    const all = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2";
    return mustRun([...all.split(" "), "-subj", `/CN=${subject}`, ...words]);
  }

  /** The authority's own certificate. */
  get certificate(): string {
    return readFileSync(this.#at("ca.pem"), "utf8");
  }

  /** A certificate of this name for a machine, and its key. */
  async issue(name: string, address: string): Promise<{ certificate: string; privateKey: string }> {
    const names = `subjectAltName=DNS:${name},DNS:localhost,IP:127.0.0.1,IP:${address}`;
    const signed = ["-CA", this.#at("ca.pem"), "-CAkey", this.#at("ca-key.pem")];
    const files = ["-keyout", this.#at("key.pem"), "-out", this.#at("cert.pem")];
    const words = ["-addext", "basicConstraints=critical,CA:FALSE", "-addext", names];
    await this.#made(name, ...words, ...signed, ...files);
    const [certificate, privateKey] = ["cert.pem", "key.pem"].map((file) =>
      readFileSync(this.#at(file), "utf8"),
    );
    return { certificate: certificate!, privateKey: privateKey! };
  }

  async give(host: Host, { name, directory, group }: Given): Promise<void> {
    const { certificate, privateKey } = await this.issue(name, host.address);
    await host.write(`${directory}/ca.pem`, this.certificate);
    await host.write(`${directory}/agent.pem`, certificate);
    await host.write(`${directory}/agent-key.pem`, privateKey);
    await host.must(["chgrp", "-R", group, directory]);
    await host.must(["chmod", "0640", `${directory}/agent-key.pem`]);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return rm(this.#home, { recursive: true });
  }
}
