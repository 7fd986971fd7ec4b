import { z } from "zod";

import { type Changes, diff } from "../../changes.ts";
import { defineState } from "../../define-state.ts";
import type { ReadFiles } from "../../host/files.ts";
import { Path } from "../file/parameters.ts";
import { blocked } from "../user/parameters.ts";
import { EXAMPLE_CERTIFICATE, EXAMPLE_KEY } from "./example-pair.ts";
import {
  assertValidNow,
  HostName,
  keySummary,
  missingNames,
  type Pair,
  Pem,
  readPair,
  summaryOf,
} from "./material.ts";
import {
  afterOf,
  claimsOf,
  place,
  type Placed,
  placeParams,
  protectionOf,
  readPlaced,
  removeStale,
  staleIn,
} from "./place.ts";

const Params = z
  .strictObject({
    ...placeParams,
    certificate: Pem.describe("The chain: the machine's own certificate first, then whoever issued it."),
    privateKey: Pem.optional().describe("The key that belongs to it, not encrypted."),
    privateKeyFile: Path.optional().describe(
      "A file of this machine with the key, such as cert.request makes.",
    ),
    names: z.array(HostName).max(100).optional().describe("Names that the certificate must be valid for."),
  })
  .refine(
    ({ privateKey, privateKeyFile }) => (privateKey === undefined) !== (privateKeyFile === undefined),
    "give `privateKey` or `privateKeyFile`",
  );
type Want = z.output<typeof Params>;

export default defineState({
  name: "cert.managed",
  summary: "A certificate and its private key, proved to belong together and switched as one.",
  key: "path",
  params: Params,
  secretive: ["certificate", "privateKey"],
  confinable: true,
  together: true,
  claims: claimsOf,
  after: (want) => [
    ...afterOf(want),
    ...(want.privateKeyFile === undefined ? [] : [`file:${want.privateKeyFile}`]),
  ],
  warnings: ({ path, privateKey }) =>
    typeof privateKey === "string" && privateKey.startsWith("-----")
      ? [`the private key for ${path} stands in the site; secret(…) keeps it out of sight`]
      : [],

  async check(want, { files }): Promise<Changes<Properties>> {
    const { certificate } = want;
    const privateKey = await keyOf(want, files);
    const stale = (await staleIn(want, files)).length;
    const now = await readPlaced(want, files);
    // Without the file there is no telling yet: another state is to make it.
    if (privateKey === undefined)
      return diff<Properties>(undefined, { ...UNMANAGED, certificate: "(its key is not there yet)" });
    const pair = readPair(want.path, certificate, privateKey);
    assertValidNow(want.path, pair.leaf);
    const missing = missingNames(pair.leaf, want.names ?? []);
    if (missing.length > 0)
      throw blocked(`the certificate for ${want.path} is not valid for ${missing.join(", ")}`);
    const is = now && { ...described(now, certificate, privateKey, pair), stale };
    return diff<Properties>(is ?? { stale }, {
      certificate: summaryOf(pair.leaf),
      privateKey: keySummary(pair.key),
      protection: protectionOf(want),
      stale: 0,
    });
  },

  async apply({ certificate, privateKey, protection }, want, { files }) {
    if (!certificate && !privateKey && !protection) return removeStale(want, files);
    const key = await keyOf(want, files);
    if (key === undefined) throw blocked(`there is no private key in ${want.privateKeyFile}`);
    readPair(want.path, want.certificate, key);
    await place(want, { certificate: want.certificate, privateKey: key }, files);
  },

  examples: [
    {
      title: "a pair for a web server",
      key: "/etc/ssl/boma/web",
      params: { certificate: EXAMPLE_CERTIFICATE, privateKey: EXAMPLE_KEY, names: ["web.example"] },
      given: { files: { "/etc/ssl/boma": { directory: true } } },
    },
    {
      title: "in place of another version",
      key: "/etc/ssl/boma/web",
      params: {
        certificate: EXAMPLE_CERTIFICATE,
        privateKeyFile: "/etc/ssl/private/web.key",
        group: "ssl-cert",
        mode: "0640",
      },
      given: {
        files: {
          "/etc/ssl/private/web.key": EXAMPLE_KEY,
          "/etc/ssl/boma/web": { link: ".web.v7" },
          "/etc/ssl/boma/.web.v6/privkey.pem": "forgotten",
          "/etc/ssl/boma/.web.v7/fullchain.pem": "old",
          "/etc/ssl/boma/.web.v7/privkey.pem": "old",
        },
      },
    },
  ],
});

interface Properties {
  readonly certificate: string;
  readonly privateKey: string;
  readonly protection: string;
  /** Versions of before that still lie about. */
  readonly stale: number;
}
const UNMANAGED = { privateKey: undefined, protection: undefined, stale: undefined };

async function keyOf({ privateKey, privateKeyFile }: Want, files: ReadFiles): Promise<string | undefined> {
  if (privateKeyFile === undefined) return privateKey;
  return (await files.stat(privateKeyFile)) ? files.readText(privateKeyFile) : undefined;
}

/** What is there is compared by its bytes, and told without them. */
function described(
  now: Placed,
  certificate: string,
  privateKey: string,
  { leaf, key }: Pair,
): Omit<Properties, "stale"> {
  return {
    certificate: now.certificate === certificate ? summaryOf(leaf) : "(another)",
    privateKey: now.privateKey === privateKey ? keySummary(key) : "(another)",
    protection: now.protection,
  };
}
