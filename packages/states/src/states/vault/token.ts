import { BomaError, parseDuration } from "@boma/protocol";
import { z } from "zod";

import { type Changes, diff } from "../../changes.ts";
import { defineState } from "../../define-state.ts";
import type { Host, ReadHost } from "../../host/host.ts";
import { isAnswered, jsonOf } from "../../host/http.ts";
import { aboveOf, Path } from "../file/parameters.ts";
import { makeDirectories } from "../owned-file.ts";
import { Duration } from "../pkg/parameters.ts";
import { place, readAt, send, tokenOf, well } from "./api.ts";
import { MountPath } from "./mounts.ts";

const API = "http://127.0.0.1:8200/v1";
const MODE = "0400";
const DENIED = [403, 404];

const params = z.strictObject({
  path: Path,
  roleId: z.string().min(1).describe("The role as which it logs in."),
  secretIdFile: Path.describe("The file with its secret id, as vault.secret-id puts one there."),
  mount: MountPath.default("approle").describe("Where the AppRoles are mounted."),
  renewBelow: Duration.default("10m").describe(
    "A new one is taken when the one that is there is good for less.",
  ),
  ...place,
});
type Want = z.output<typeof params>;

interface Properties {
  token: string;
  mode: string;
}
const GOOD: Properties = { token: "good", mode: MODE };

export default defineState({
  name: "vault.token",
  summary: "A token of the node's own in a file, taken anew by AppRole before it ends.",
  key: "path",
  params,
  stage: "vault",
  claims: ({ path }) => [`file:${path}`],
  after: ({ path, secretIdFile }) => [...aboveOf(path), `file:${secretIdFile}`],

  async check(want, host) {
    const now = await host.files.stat(want.path);
    const token = now && now.mode === MODE ? await lookedUp(want, host) : "open to others";
    return diff<Properties>(now && { token, mode: now.mode }, GOOD);
  },

  async apply(_: Changes<Properties>, want, host) {
    await makeDirectories(host.files, want.path.slice(0, want.path.lastIndexOf("/")));
    await host.files.write(want.path, `${await loggedIn(want, host)}\n`, {
      owner: "root",
      group: "root",
      mode: MODE,
    });
  },

  examples: [
    {
      title: "in memory, for what asks as this node",
      key: "/run/boma-vault/token",
      params: { roleId: "web", secretIdFile: "/etc/boma/vault/secret-id", address: "http://127.0.0.1:8200" },
      given: {
        files: { "/etc/boma/vault/secret-id": { contents: "it\n", mode: "0400" } },
        http: {
          [`POST ${API}/auth/approle/login`]: { body: { auth: { client_token: "hvs.of-the-node" } } },
          [`GET ${API}/auth/token/lookup-self`]: { body: { data: { ttl: 3600, num_uses: 0 } } },
        },
      },
    },
  ],
});

async function lookedUp(want: Want, host: ReadHost): Promise<string> {
  const access = { address: want.address, ca: want.ca, tokenFile: want.path };
  const found = await readAt(access, "auth/token/lookup-self", host, DENIED);
  if (!found) return "not good any more";
  const seconds = Number(found["ttl"]);
  // One that never ends says 0.
  return seconds === 0 || seconds * 1000 >= parseDuration(want.renewBelow) ? GOOD.token : "about to end";
}

async function loggedIn(want: Want, host: Host): Promise<string> {
  const secretId = await tokenOf({ tokenFile: want.secretIdFile }, host.files);
  const path = `auth/${want.mount}/login`;
  const answer = await send(want, { path, body: { role_id: want.roleId, secret_id: secretId } }, host);
  if (isAnswered(answer) && (answer.status === 400 || answer.status === 403))
    throw new BomaError(
      "vault/denied",
      "Vault does not let this node in: its secret id is not good any more",
      {
        hint: "Give the node another, wrapped, with vault.secret-id.",
      },
    );
  const { auth } = jsonOf<{ auth?: { client_token?: unknown } }>(well(want, path, answer));
  if (typeof auth?.client_token === "string") return auth.client_token;
  throw new BomaError("vault/refused", "Vault let this node in, and gave no token");
}
