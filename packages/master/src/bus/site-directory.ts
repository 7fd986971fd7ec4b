/** The files of a site's nats-server, and the bus's trust with it. */
import { readFileSync } from "node:fs";
import { isIP } from "node:net";
import { join } from "node:path";

import { BomaError, hostOf } from "@boma/protocol";

import type { Home } from "../home.ts";
import { serverTrust } from "./accounts.ts";
import { renderSiteConfig } from "./config.ts";
import { issueSiteServer } from "./site-servers.ts";
import { issueServerCertificate } from "./tls.ts";
import { type BusUser, parseBusTrust, serializeBusTrust } from "./trust.ts";

interface Wanted {
  readonly name: string;
  readonly urls: readonly string[];
  readonly centre: readonly string[];
}

interface SiteDirectory {
  /** By name; among them secrets. */
  readonly files: Readonly<Record<string, string>>;
  readonly busTrust: string;
}

export async function siteDirectory({ keys }: Home, { name, urls, centre }: Wanted): Promise<SiteDirectory> {
  const hosts = urls.map((url) => hostOf(parse(url).href));
  const tls = parse(urls[0]!).protocol === "tls:";
  for (const url of [...urls, ...centre])
    if ((parse(url).protocol === "tls:") !== tls)
      throw new BomaError("usage/argument", "either all of them are tls://, or all nats://");
  const read = (file: string): string => readFileSync(join(keys, file), "utf8");
  const { trust, site, way, system } = await issueSiteServer(parseBusTrust(read("bus.json")), name, urls);
  const config = renderSiteConfig({
    name,
    trust: await serverTrust(trust),
    account: site.account.publicKey,
    listen: `${tls ? "0.0.0.0" : "127.0.0.1"}:${parse(urls[0]!).port}`,
    centre: centre.map((url) => url.replace(/^(nats|tls):/, "nats-leaf:")),
    tls,
  });
  return {
    busTrust: serializeBusTrust(trust),
    files: {
      "nats-server.conf": config,
      "way.creds": credentials(way),
      "system.creds": credentials(system),
      ...(tls && (await certificates({ certificate: read("ca.pem"), privateKey: read("ca.key") }, hosts))),
    },
  };
}

async function certificates(ca: Parameters<typeof issueServerCertificate>[0], hosts: readonly string[]) {
  const { certificate, privateKey } = await issueServerCertificate(ca, {
    dns: hosts.filter((host) => !isIP(host)),
    ips: hosts.filter((host) => isIP(host)),
  });
  return { "server.pem": certificate, "server.key": privateKey, "ca.pem": ca.certificate };
}

function parse(url: string): URL {
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  if (parsed && /^(nats|tls):$/.test(parsed.protocol) && parsed.port !== "") return parsed;
  throw new BomaError("usage/argument", `${JSON.stringify(url)} is no address of a nats-server`, {
    hint: "tls://HOST:PORT, or nats://127.0.0.1:PORT on loopback.",
  });
}

/** As nats-server reads them. */
const credentials = ({ nkey, jwt }: BusUser): string =>
  [
    "-----BEGIN NATS USER JWT-----",
    jwt,
    "------END NATS USER JWT------",
    "",
    "-----BEGIN USER NKEY SEED-----",
    nkey.seed,
    "------END USER NKEY SEED------",
    "",
  ].join("\n");
