/**
 * Whether an agent can read its certificates, and others would take them. `nomad config validate` does not look at
 * them; a client that is told to take up files which it cannot read ends itself, and one that shows what its own
 * authorities have not signed is alone from then on.
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
  const shown = await textAt(files, certFile);
  readPair(certFile, shown, await textAt(files, keyFile));
  const authorities = certificatesIn(await textAt(files, caFile));
  if (!authorities || authorities.length === 0)
    throw blocked(`${caFile} has a certificate that cannot be read, or none`);
  if (!certificatesIn(shown)?.some((one) => authorities.some((ca) => isBy(one, ca))))
    throw blocked(
      `nothing in ${caFile} has signed ${certFile}`,
      "Others would refuse it. While authorities are exchanged, that file has the old one and the new one.",
    );
}

const isBy = (one: X509Certificate, ca: X509Certificate): boolean =>
  one.fingerprint256 === ca.fingerprint256 || (one.checkIssued(ca) && one.verify(ca.publicKey));

async function textAt(files: ReadFiles, path: string): Promise<string> {
  const text = await readIfThere(files, path);
  if (text === undefined) throw blocked(`there is no ${path}`, "Declare the file, and require it here.");
  return text;
}

/** Nothing where one of them cannot be read. */
function certificatesIn(text: string): readonly X509Certificate[] | undefined {
  try {
    return (text.match(BLOCK) ?? []).map((block) => new X509Certificate(block));
  } catch {
    return undefined;
  }
}
