/** Where the agent of this machine offers its API, by what it was told to. */
import type { ReadFiles } from "../../host/files.ts";
import { isAny, isLoopback } from "../daemon/agent-parameters.ts";
import type { Settings } from "../daemon/settings.ts";
import { readIfThere } from "../owned-file.ts";
import { LIVE, PLAIN } from "./parameters.ts";

const HTTP_PORT = 4646;
const LOCAL = "127.0.0.1";

interface Placed {
  readonly ports?: { readonly http?: number };
  readonly addresses?: { readonly http?: string };
  readonly tls?: { readonly http?: boolean; readonly ca_file?: string };
}

export async function ownPlace(files: ReadFiles): Promise<{ readonly api: string; readonly ca?: string }> {
  const { ports, addresses }: Placed = settingsIn(await readIfThere(files, PLAIN));
  const { tls }: Placed = settingsIn(await readIfThere(files, LIVE));
  const isSecure = tls?.http === true;
  const api = apiUrl({ address: addresses?.http, port: ports?.http, isSecure });
  const ca = isSecure && tls.ca_file !== undefined ? await readIfThere(files, tls.ca_file) : undefined;
  return { api, ...(ca !== undefined && { ca }) };
}

interface Listening {
  readonly address?: string | undefined;
  readonly port?: number | undefined;
  readonly isSecure: boolean;
}

/** Where an agent that listens there is reached from its own machine. */
export const apiUrl = ({ address, port = HTTP_PORT, isSecure }: Listening): string =>
  `${isSecure ? "https" : "http"}://${hostIn(address)}:${port}`;

/** What is a template, or all addresses, is reached from here by the local one. */
function hostIn(address = LOCAL): string {
  if (isAny(address) || isLoopback(address) || address.startsWith("{{")) return LOCAL;
  return address.includes(":") ? `[${address}]` : address;
}

/** A file that is broken says nothing of what runs. */
export function settingsIn(text = "{}"): Settings {
  try {
    return JSON.parse(text) as Settings;
  } catch {
    return {};
  }
}
