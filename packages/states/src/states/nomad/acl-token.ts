import { BomaError } from "@boma/protocol";
import { z } from "zod";

import { type Changes, diff } from "../../changes.ts";
import { defineState } from "../../define-state.ts";
import type { Host, ReadHost } from "../../host/host.ts";
import { type Http, isAnswered, jsonOf } from "../../host/http.ts";
import { aboveOf, Owner, Path } from "../file/parameters.ts";
import { makeDirectories } from "../owned-file.ts";
import { ask, read, send } from "./api.ts";
import { access, Name } from "./parameters.ts";

const API = "http://127.0.0.1:4646/v1";
const MODE = "0400";
const GOOD = "known to Nomad, and to its owner alone";

/** Names of parameters, so that they are shown beside a token. */
interface Properties {
  path: string;
  name: string;
  policies: readonly string[];
}

const params = z.strictObject({
  path: Path.describe("The file with the token."),
  name: z
    .string()
    .regex(/^[A-Za-z0-9_./-]{1,256}$/, "letters, digits and `_./-`")
    .describe("What it is for; no other declaration in the region may have the same."),
  policies: z.array(Name).min(1).max(100).describe("The policies that it has."),
  owner: Owner.default("root").describe("Who may read the file."),
  ...access,
});
type Want = z.output<typeof params>;

export default defineState({
  name: "nomad.acl-token",
  summary: "A token that Nomad makes for this machine, in a file for one account; it goes nowhere else.",
  stage: "nomad",
  key: "path",
  params,
  secretive: ["token"],
  claims: ({ path, name }) => [`file:${path}`, `nomad-token:${name}`],
  after: ({ path, policies, owner }) => [
    ...aboveOf(path),
    `user:${owner}`,
    "nomad:ready",
    "nomad:bootstrap",
    ...policies.map((policy) => `nomad-policy:${policy}`),
  ],

  async check(want, host): Promise<Changes<Properties>> {
    const isThere = (await host.files.stat(want.path)) !== undefined;
    const own = await ownToken(want, host);
    const is = own && { path: GOOD, name: own.Name, policies: (own.Policies ?? []).toSorted() };
    const { name, policies } = want;
    return diff<Properties>(
      is ?? (isThere ? { path: "of no use, or open to others", name, policies } : undefined),
      {
        path: GOOD,
        name,
        policies: policies.toSorted(),
      },
    );
  },

  async apply(_, want, host) {
    const own = await ownToken(want, host);
    if (!own) return makeAnew(want, host);
    const id = own.AccessorID;
    const body = { ...bodyOf(want), AccessorID: id };
    await send(host.http, accessOf(want), { method: "POST", path: `/v1/acl/token/${id}`, body });
  },

  examples: [
    {
      title: "for what asks Nomad how its jobs are",
      key: "/etc/exporter/nomad-token",
      params: { name: "exporter/web-1", policies: ["readers"] },
      given: {
        http: {
          [`GET ${API}/acl/tokens`]: { body: [] },
          [`POST ${API}/acl/token`]: {
            body: { AccessorID: "a1", SecretID: "0e2f7d8e-52c1-4c4b-9a43-4f9be5e0a1b2" },
            makes: {
              [`GET ${API}/acl/token/self`]: {
                body: { AccessorID: "a1", Name: "exporter/web-1", Policies: ["readers"] },
              },
            },
          },
        },
      },
    },
  ],
});

interface Token {
  readonly AccessorID: string;
  readonly Name: string;
  readonly Policies?: readonly string[] | null;
}

const bodyOf = ({ name, policies }: Want): object => ({ Name: name, Type: "client", Policies: policies });
const accessOf = ({ api, ca, token }: Want) => ({ api, ca, token });

/** The one in the file as Nomad knows it; nothing where it does not, or where others could have read it. */
async function ownToken(want: Want, { files, http }: ReadHost): Promise<Token | undefined> {
  const file = await files.stat(want.path);
  if (file?.type !== "file" || file.mode !== MODE || file.owner !== want.owner) return undefined;
  const token = (await files.readText(want.path)).trim();
  const answer = await ask(http, { ...accessOf(want), token }, "/v1/acl/token/self");
  if (!isAnswered(answer)) throw new BomaError("state/api", `Nomad does not answer: ${answer.why}`);
  if (answer.status === 200) return jsonOf<Token>(answer);
  if (answer.status === 403 || answer.status === 404) return undefined;
  throw new BomaError("state/api", `Nomad cannot check a token: ${answer.body.trim().slice(0, 200)}`);
}

/** Whose file was lost, or was read by others, is of no use any more; so is one that a run which was cut off has made. */
async function makeAnew(want: Want, { files, http }: Host): Promise<void> {
  await forgetThoseBefore(want, http);
  const said = await send(http, accessOf(want), {
    method: "POST",
    path: "/v1/acl/token",
    body: bodyOf(want),
  });
  const { SecretID: secret } = JSON.parse(said) as { readonly SecretID?: unknown };
  if (typeof secret !== "string") throw new BomaError("state/api", "Nomad made a token, and did not tell it");
  await makeDirectories(files, want.path.slice(0, want.path.lastIndexOf("/")));
  await files.write(want.path, `${secret}\n`, { owner: want.owner, group: "root", mode: MODE });
}

async function forgetThoseBefore(want: Want, http: Http): Promise<void> {
  const at = accessOf(want);
  const known =
    (await read<readonly (Token & { readonly Type?: string })[]>(http, at, "/v1/acl/tokens")) ?? [];
  for (const { AccessorID: id, Name: name, Type: type } of known)
    if (name === want.name && type !== "management")
      await send(http, at, { method: "DELETE", path: `/v1/acl/token/${id}` });
}
