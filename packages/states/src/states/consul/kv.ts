import { BomaError } from "@boma/protocol";
import { z } from "zod";

import { diff } from "../../changes.ts";
import { defineState } from "../../define-state.ts";
import type { ReadHttp } from "../../host/http.ts";
import { type Access, read, send } from "./api.ts";
import { access } from "./parameters.ts";

/** Consul takes no more in one value. */
const VALUE_BYTES_MAX = 512 * 1024;

const Key = z
  .string()
  .min(1)
  .max(512)
  .regex(/^(?!\/)[A-Za-z0-9_.:@/-]+$/, "letters, digits and `_.:@/-`, without a slash at the beginning");

export default defineState({
  name: "consul.kv",
  summary: "A value in Consul's store of keys and values.",
  stage: "consul",
  key: "path",
  params: z.strictObject({
    path: Key.describe("The key: `apps/web/port`."),
    value: z
      .string()
      .refine((text) => Buffer.byteLength(text) <= VALUE_BYTES_MAX, "at most 512 KiB")
      .describe("The value. Whoever may read the key reads it: passwords belong into Vault."),
    ...access,
  }),
  secretive: ["value", "token"],
  claims: ({ path }) => [`consul-kv:${path}`],
  after: () => ["consul:ready"],

  async check({ path, value, ...at }, { http }) {
    return diff({ value: (await stored(http, at, path))?.value }, { value });
  },

  async apply(_, { path, value, ...at }, { http }) {
    // Whoever wrote it since it was looked at has said something that nobody here has read.
    const index = (await stored(http, at, path))?.index ?? 0;
    const put = { method: "PUT", path: `/v1/kv/${encodeURI(path)}?cas=${index}`, body: value } as const;
    const done = await send(http, at, put);
    if (done.trim() !== "true")
      throw new BomaError("state/api", `${path} was written by somebody else in this moment`);
  },

  examples: [
    {
      title: "a setting that services read",
      key: "apps/web/mode",
      params: { value: "fast" },
      given: {
        http: {
          "GET http://127.0.0.1:8500/v1/status/leader": { body: '"10.0.0.11:8300"' },
          "PUT http://127.0.0.1:8500/v1/kv/apps/web/mode?cas=0": {
            body: "true",
            makes: {
              "GET http://127.0.0.1:8500/v1/kv/apps/web/mode": {
                body: [{ Value: "ZmFzdA==", ModifyIndex: 7 }],
              },
            },
          },
        },
      },
    },
  ],
});

interface Entry {
  readonly Value: string | null;
  readonly ModifyIndex: number;
}

async function stored(
  http: ReadHttp,
  at: Access,
  path: string,
): Promise<{ readonly value: string; readonly index: number } | undefined> {
  const found = (await read<readonly Entry[]>(http, at, `/v1/kv/${encodeURI(path)}`))?.[0];
  if (!found) return undefined;
  return { value: Buffer.from(found.Value ?? "", "base64").toString("utf8"), index: found.ModifyIndex };
}
