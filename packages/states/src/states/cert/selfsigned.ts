import { BomaError, parseDuration } from "@boma/protocol";
import { z } from "zod";

import { type Changes, diff } from "../../changes.ts";
import { defineState } from "../../define-state.ts";
import { EXAMPLE_CERTIFICATE, EXAMPLE_KEY } from "./example-pair.ts";
import { keyPem, makeKey, selfSigned } from "./issue.ts";
import { day, HostName, missingNames, type Pair, readPair } from "./material.ts";
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

const DAY_MS = 86_400_000;

const Params = z
  .strictObject({
    ...placeParams,
    names: z
      .array(HostName)
      .min(1)
      .max(100)
      .describe("Names and addresses that it is valid for; the first is its subject."),
    days: z.int().min(1).max(36_500).default(365).describe("How long a new one is valid."),
    renewBefore: z
      .string()
      .default("30d")
      .refine(isDuration, "a duration such as 30d")
      .describe("How long before its end it is made anew."),
    keyType: z.enum(["ec", "rsa"]).default("ec").describe("P-256, or RSA with 3072 bits for old clients."),
  })
  .refine(
    ({ days, renewBefore }) => !isDuration(renewBefore) || parseDuration(renewBefore) < days * DAY_MS,
    "`renewBefore` is shorter than `days`, or it would be made anew each time",
  );
type Want = z.output<typeof Params>;

export default defineState({
  name: "cert.selfsigned",
  summary:
    "A certificate that signs itself, with a key that never leaves the machine; made anew before its end.",
  key: "path",
  params: Params,
  confinable: true,
  together: true,
  claims: claimsOf,
  after: afterOf,

  async check(want, { files }): Promise<Changes<Properties>> {
    const now = await readPlaced(want, files);
    const stale = (await staleIn(want, files)).length;
    const reason = reasonToMake(want, now);
    return diff<Properties>(
      { certificate: reason, protection: now?.protection, stale },
      {
        certificate: reason === undefined ? undefined : `self-signed for ${want.names.join(", ")}`,
        protection: protectionOf(want),
        stale: 0,
      },
    );
  },

  async apply({ certificate, protection }, want, { files }) {
    if (!certificate && !protection) return removeStale(want, files);
    const now = await readPlaced(want, files);
    await place(want, certificate || !now ? made(want) : now, files);
  },

  examples: [
    {
      title: "for a service inside",
      key: "/etc/ssl/boma/metrics",
      params: { names: ["metrics.internal", "10.0.0.5"], days: 90 },
      given: { files: { "/etc/ssl/boma": { directory: true } } },
    },
    {
      title: "for one more name than before",
      key: "/etc/ssl/boma/web",
      params: { names: ["web.example", "new.web.example"] },
      given: {
        files: {
          "/etc/ssl/boma/web": { link: ".web.v1" },
          "/etc/ssl/boma/.web.v1/fullchain.pem": EXAMPLE_CERTIFICATE,
          "/etc/ssl/boma/.web.v1/privkey.pem": EXAMPLE_KEY,
        },
      },
    },
  ],
});

interface Properties {
  readonly certificate: string;
  readonly protection: string;
  readonly stale: number;
}

function isDuration(text: string): boolean {
  try {
    return parseDuration(text) >= 0;
  } catch {
    return false;
  }
}

/** Why a new one is to be made; `undefined` when the one that is there will do. */
function reasonToMake(
  { path, names, renewBefore, keyType }: Want,
  now: Placed | undefined,
): string | undefined {
  if (!now) return "none";
  let pair: Pair;
  try {
    pair = readPair(path, now.certificate, now.privateKey);
  } catch (thrown) {
    if (thrown instanceof BomaError) return "unusable";
    throw thrown;
  }
  const { leaf, key } = pair;
  if (!leaf.verify(leaf.publicKey)) return "signed by another";
  if (key.asymmetricKeyType !== keyType) return `with a key of the type ${key.asymmetricKeyType}`;
  const missing = missingNames(leaf, names);
  if (missing.length > 0) return `not valid for ${missing.join(", ")}`;
  if (leaf.validFromDate.getTime() > Date.now()) return `not valid before ${day(leaf.validFromDate)}`;
  if (leaf.validToDate.getTime() - Date.now() < parseDuration(renewBefore))
    return `ends on ${day(leaf.validToDate)}`;
  return undefined;
}

function made({ names, days, keyType }: Want): { certificate: string; privateKey: string } {
  const key = makeKey(keyType);
  const now = Date.now();
  // A client whose clock is a little behind takes it too.
  const validity = { from: new Date(now - 300_000), to: new Date(now + days * DAY_MS) };
  return { certificate: selfSigned(key, names, validity), privateKey: keyPem(key) };
}
