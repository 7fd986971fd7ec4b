/**
 * Whether an agent can read its certificates. `nomad config validate` does not look at
 * them, and a client that is told to take up files which it cannot read ends itself.
 */
import { X509Certificate } from "node:crypto";

import type { ReadFiles } from "../../host/files.ts";
import { readPair } from "../cert/material.ts";
import { readIfThere } from "../owned-file.ts";
import { blocked } from "../user/parameters.ts";
import type { Tls } from "./live-settings.ts";

const BLOCK = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;

export async function assertCertificates(files: ReadFiles, tls: Tls | undefined): Promise<void> {
  if (!tls) return;
  const { caFile, certFile, keyFile } = tls;
  readPair(certFile, await textAt(files, certFile), await textAt(files, keyFile));
  const authorities = (await textAt(files, caFile)).match(BLOCK) ?? [];
  if (authorities.length === 0 || !authorities.every(isReadable))
    throw blocked(`${caFile} has a certificate that cannot be read, or none`);
}

async function textAt(files: ReadFiles, path: string): Promise<string> {
  const text = await readIfThere(files, path);
  if (text === undefined) throw blocked(`there is no ${path}`, "Declare the file, and require it here.");
  return text;
}

function isReadable(block: string): boolean {
  try {
    return new X509Certificate(block).subject !== undefined;
  } catch {
    return false;
  }
}
