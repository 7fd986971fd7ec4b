/** Parameters that all that comes from elsewhere has in common. */
import { z } from "zod";

import type { Host } from "../../host/host.ts";

export const Url = z
  .url({ protocol: /^https?$/, error: "a URL that begins with https:// or http://" })
  .refine((url) => {
    const parsed = URL.parse(url);
    return parsed !== null && parsed.username === "" && parsed.password === "";
  }, "a URL here holds no user and no password: it is shown in reports and kept in logs")
  .describe("Where it is got from.");
export const Sha256 = z
  .string()
  .regex(/^[0-9a-f]{64}$/, "64 digits of 0-9a-f")
  .describe("The SHA-256 that its bytes must have.");
export const BytesMax = z
  .int()
  .min(1)
  .default(1024 ** 3)
  .describe("What is larger is not fetched.");
export const RedirectHosts = z
  .array(z.string().regex(/^[A-Za-z0-9.-]+$/, "the name of a host"))
  .default([])
  .describe("Hosts to which the URL's server may send on.");

interface Wanted {
  readonly url: string;
  readonly sha256: string;
  readonly bytesMax: number;
  readonly redirectHosts: readonly string[];
}
export const fetchTo = (
  { downloads }: Host,
  { url, sha256, bytesMax, redirectHosts }: Wanted,
): Promise<string> => downloads.fetch({ url, sha256, bytesMax, redirectHosts });
