/**
 * The bus's own certificate authority. Trust in it is the pin that agents
 * carry, not its dates: a netbooted machine whose clock shows 1970 has to
 * connect before it can learn the time.
 */
import "reflect-metadata";
import { webcrypto } from "node:crypto";

import * as x509 from "@peculiar/x509";

const ALGORITHM = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" } as const;
const DATES = {
  notBefore: new Date("1970-01-01T00:00:00Z"),
  notAfter: new Date("2099-12-31T23:59:59Z"),
} as const;
const CA_NAME = "CN=boma bus CA";
const SERVER_AUTH = "1.3.6.1.5.5.7.3.1";
/** The servers of a cluster are clients of each other. */
const CLIENT_AUTH = "1.3.6.1.5.5.7.3.2";

/** A certificate and its private key, both as PEM. */
export interface Certificate {
  readonly certificate: string;
  readonly privateKey: string;
}

const newKeys = () => webcrypto.subtle.generateKey(ALGORITHM, true, ["sign", "verify"]);

async function privateKeyPem(key: webcrypto.CryptoKey): Promise<string> {
  return x509.PemConverter.encode(await webcrypto.subtle.exportKey("pkcs8", key), "PRIVATE KEY");
}

/** The authority: its certificate is what agents and operators pin. */
export async function createCa(): Promise<Certificate> {
  const keys = await newKeys();
  const certificate = await x509.X509CertificateGenerator.createSelfSigned(
    {
      name: CA_NAME,
      ...DATES,
      keys,
      signingAlgorithm: ALGORITHM,
      extensions: [
        new x509.BasicConstraintsExtension(true, 0, true),
        new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
        await x509.SubjectKeyIdentifierExtension.create(keys.publicKey, false, webcrypto),
      ],
    },
    webcrypto,
  );
  return { certificate: certificate.toString("pem"), privateKey: await privateKeyPem(keys.privateKey) };
}

/** Where clients find the server: a certificate names all of it. */
export interface ServerNames {
  readonly dns: readonly string[];
  readonly ips: readonly string[];
}

export async function issueServerCertificate(ca: Certificate, names: ServerNames): Promise<Certificate> {
  const authority = new x509.X509Certificate(ca.certificate);
  const pkcs8 = x509.PemConverter.decodeFirst(ca.privateKey);
  const signingKey = await webcrypto.subtle.importKey("pkcs8", pkcs8, ALGORITHM, false, ["sign"]);
  const keys = await newKeys();
  const alternatives = [
    ...names.dns.map((value) => ({ type: "dns" as const, value })),
    ...names.ips.map((value) => ({ type: "ip" as const, value })),
  ];
  const certificate = await x509.X509CertificateGenerator.create(
    {
      subject: "CN=boma bus",
      issuer: authority.subject,
      ...DATES,
      publicKey: keys.publicKey,
      signingKey,
      signingAlgorithm: ALGORITHM,
      extensions: [
        new x509.BasicConstraintsExtension(false, undefined, true),
        new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
        new x509.ExtendedKeyUsageExtension([SERVER_AUTH, CLIENT_AUTH]),
        new x509.SubjectAlternativeNameExtension(alternatives),
        await x509.AuthorityKeyIdentifierExtension.create(authority.publicKey, false, webcrypto),
      ],
    },
    webcrypto,
  );
  return { certificate: certificate.toString("pem"), privateKey: await privateKeyPem(keys.privateKey) };
}
