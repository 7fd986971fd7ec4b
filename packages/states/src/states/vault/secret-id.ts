import { BomaError } from "@boma/protocol";
import { z } from "zod";

import { type Changes, diff } from "../../changes.ts";
import { defineState } from "../../define-state.ts";
import { isAnswered, jsonOf } from "../../host/http.ts";
import { aboveOf, Path } from "../file/parameters.ts";
import { makeDirectories } from "../owned-file.ts";
import { place, send, well } from "./api.ts";

const API = "http://127.0.0.1:8200/v1";
const MODE = "0400";

interface Properties {
  wrapped: string;
  mode: string;
}

export default defineState({
  name: "vault.secret-id",
  summary: "The secret id with which a node logs in, out of a wrapping that opens once.",
  key: "path",
  params: z.strictObject({
    path: Path,
    wrapped: z
      .string()
      .min(1)
      .describe("The token of the wrapping. Whoever opens it first has what is in it."),
    ...place,
  }),
  secretive: ["wrapped"],
  stage: "vault",
  claims: ({ path }) => [`file:${path}`],
  after: ({ path }) => aboveOf(path),

  async check({ path }, { files }) {
    const now = await files.stat(path);
    return diff<Properties>(now && { wrapped: "unwrapped", mode: now.mode }, {
      wrapped: "unwrapped",
      mode: MODE,
    });
  },

  async apply({ wrapped }: Changes<Properties>, want, host) {
    if (!wrapped) return host.files.chmod(want.path, MODE);
    await makeDirectories(host.files, want.path.slice(0, want.path.lastIndexOf("/")));
    await host.files.write(want.path, `${await unwrapped(want, host)}\n`, {
      owner: "root",
      group: "root",
      mode: MODE,
    });
  },

  examples: [
    {
      title: "the node's own, opened already",
      key: "/etc/boma/vault/secret-id",
      params: { address: "http://127.0.0.1:8200", wrapped: "hvs.opens-once" },
      // Whoever is killed between the two has opened it, and has nothing: then another is needed.
      given: {
        files: { "/etc/boma/vault/secret-id": { contents: "it\n", mode: "0644" } },
        http: { [`POST ${API}/sys/wrapping/unwrap`]: { body: { data: { secret_id: "it" } } } },
      },
    },
  ],
});

async function unwrapped(
  want: { readonly address: string; readonly ca?: string | undefined; readonly wrapped: string },
  host: Parameters<typeof send>[2],
): Promise<string> {
  const path = "sys/wrapping/unwrap";
  const answer = await send(want, { path, token: want.wrapped }, host);
  if (isAnswered(answer) && (answer.status === 400 || answer.status === 403))
    throw new BomaError(
      "vault/wrapped",
      "the wrapping does not open: it is too old, or somebody has opened it before",
      {
        hint: "If this node did not, take the secret id back at once, and give the node another.",
      },
    );
  const { data } = jsonOf<{ data?: { secret_id?: unknown } }>(well(want, path, answer));
  if (typeof data?.secret_id === "string" && data.secret_id !== "") return data.secret_id;
  throw new BomaError("vault/wrapped", "there is no secret id in the wrapping");
}
