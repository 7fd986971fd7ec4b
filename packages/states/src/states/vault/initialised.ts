import { BomaError } from "@boma/protocol";
import { z } from "zod";

import { type Changes, diff } from "../../changes.ts";
import { defineState } from "../../define-state.ts";
import type { ReadHost } from "../../host/host.ts";
import { jsonOf } from "../../host/http.ts";
import { EXAMPLE_KEY } from "../apt/example-key.ts";
import { look, place, send, well } from "./api.ts";
import { assertEncrypted, bytesOf, fingerprintOf, Holder, PgpKey } from "./holders.ts";
import { ClusterName, keepIntent, keepShares, keptOf, keptPath, type KeptShares } from "./init-file.ts";

const SHARES_MAX = 32;

const params = z
  .strictObject({
    cluster: ClusterName.describe("What the cluster is called."),
    ...place,
    shares: z.int().min(1).max(SHARES_MAX).describe("Into how many parts the key is split."),
    threshold: z.int().min(1).max(SHARES_MAX).describe("How many of them open it."),
    holders: z.array(Holder).min(1).max(SHARES_MAX).describe("Who gets them, with a PGP key of each."),
    rootTokenPgpKey: PgpKey.describe("The PGP key to which the first token is encrypted."),
    recovery: z
      .boolean()
      .default(false)
      .describe("Whether it opens itself: then the parts are those of the recovery key."),
  })
  .superRefine(({ shares, threshold, holders }, context) => {
    const wrong = (path: string, message: string): void =>
      context.addIssue({ code: "custom", path: [path], message });
    if (holders.length !== shares)
      wrong("holders", `${shares} parts need ${shares} holders, not ${holders.length}`);
    if (threshold > shares) wrong("threshold", "no more than there are parts");
    if (threshold === 1 && shares > 1)
      wrong("threshold", "Vault wants two at least where there are several parts");
    if (new Set(holders.map(({ name }) => name)).size < holders.length)
      wrong("holders", "two have the same name");
    if (new Set(keysOf(holders)).size < holders.length)
      wrong("holders", "two have the same key: whoever has it would hold two parts");
  });
type Want = z.output<typeof params>;

interface Properties {
  initialised: boolean;
  answer: string;
}

/** A key that cannot be read has its own fault, and is told as that. */
function keysOf(holders: readonly Holder[]): string[] {
  try {
    return holders.map(({ pgpKey }) => fingerprintOf(pgpKey));
  } catch {
    return holders.map(({ name }) => name);
  }
}

export default defineState({
  name: "vault.initialised",
  summary: "A Vault that was initialised once, with every part of its key encrypted to the one who holds it.",
  key: "cluster",
  params,
  stage: "vault",
  timeoutMs: 2 * 60_000,
  claims: ({ cluster }) => [`vault-init:${cluster}`],

  async check(want, host) {
    const isInitialised = await isDone(want, host);
    const kept = await keptOf(want.cluster, host.files);
    if (isInitialised && kept === "intended")
      return diff<Properties>({ answer: "lost" } as Properties, { answer: "kept" } as Properties);
    return diff<Properties>(
      { initialised: isInitialised } as Properties,
      { initialised: true } as Properties,
    );
  },

  async blocked(want, host) {
    const isInitialised = await isDone(want, host);
    const kept = await keptOf(want.cluster, host.files);
    if (isInitialised && kept === "intended") return lost(want.cluster);
    if (!isInitialised && kept === "kept") return others(want.cluster);
    return undefined;
  },

  async apply(_: Changes<Properties>, want, host) {
    const kept = await keptOf(want.cluster, host.files);
    if (await isDone(want, host)) throw new BomaError("vault/init", lost(want.cluster));
    if (kept === "kept") throw new BomaError("vault/init", others(want.cluster));
    await keepIntent(want.cluster, want.address, host.files);
    const path = "sys/init";
    const answer = well(want, path, await send(want, { method: "PUT", path, body: wishOf(want) }, host));
    await keepShares(sharesIn(answer.body, want), host.files);
  },

  examples: [
    {
      title: "one holder; it was initialised already",
      key: "main",
      params: {
        address: "http://127.0.0.1:8200",
        shares: 1,
        threshold: 1,
        holders: [{ name: "anna", pgpKey: EXAMPLE_KEY }],
        rootTokenPgpKey: EXAMPLE_KEY,
      },
      // What it gives is said once: whoever is killed before it is written has lost it, and is told so. See initialised.test.ts.
      given: { http: { "GET http://127.0.0.1:8200/v1/sys/init": { body: { initialized: true } } } },
    },
  ],
});

async function isDone(want: Want, host: ReadHost): Promise<boolean> {
  const path = "sys/init";
  return (
    jsonOf<{ initialized?: boolean }>(well(want, path, await look(want, path, host))).initialized === true
  );
}

function wishOf({ recovery, shares, threshold, holders, rootTokenPgpKey }: Want): object {
  const keys = holders.map(({ pgpKey }) => bytesOf(pgpKey));
  const parts = recovery
    ? { recovery_shares: shares, recovery_threshold: threshold, recovery_pgp_keys: keys }
    : { secret_shares: shares, secret_threshold: threshold, pgp_keys: keys };
  return { ...parts, root_token_pgp_key: bytesOf(rootTokenPgpKey) };
}

const Given = z.object({
  keys_base64: z.array(z.string()).nullish(),
  recovery_keys_base64: z.array(z.string()).nullish(),
  root_token: z.string(),
});

/** In the order of the keys that were given. What is not encrypted is thrown away, and nothing of it is told. */
function sharesIn(body: string, want: Want): KeptShares {
  const given = givenIn(body);
  if (!given)
    throw new BomaError("vault/init", "Vault's answer to its initialisation is not one; it was not kept");
  const { keys_base64, recovery_keys_base64, root_token } = given;
  const parts = (want.recovery ? recovery_keys_base64 : keys_base64) ?? [];
  for (const part of [...parts, root_token]) assertEncrypted(part);
  if (parts.length !== want.holders.length)
    throw new BomaError("vault/init", `Vault gave ${parts.length} parts for ${want.holders.length} holders`);
  return {
    cluster: want.cluster,
    address: want.address,
    at: new Date().toISOString(),
    threshold: want.threshold,
    holders: want.holders.map(({ name, pgpKey }, index) => ({
      name,
      fingerprint: fingerprintOf(pgpKey),
      share: parts[index]!,
    })),
    rootToken: { fingerprint: fingerprintOf(want.rootTokenPgpKey), token: root_token },
  };
}

function givenIn(body: string): z.output<typeof Given> | undefined {
  try {
    return Given.safeParse(JSON.parse(body)).data;
  } catch {
    return undefined;
  }
}

const lost = (cluster: string): string =>
  `${cluster} was initialised, and its answer was lost on the way: nobody has the parts of its key. ` +
  "Where somebody has them after all, `vault.init-shares-forget` with `lost=true` says so; " +
  "else stop it, discard its storage, and apply again";

const others = (cluster: string): string =>
  `it is not initialised, and ${keptPath(cluster)} holds the parts of an earlier time: ` +
  "fetch them with `vault.init-shares`, and let them go with `vault.init-shares-forget`";
