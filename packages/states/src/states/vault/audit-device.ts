import { BomaError } from "@boma/protocol";
import { z } from "zod";

import { type Changes, diff } from "../../changes.ts";
import { defineState } from "../../define-state.ts";
import type { ReadHost } from "../../host/host.ts";
import { type Data, isAlike, textIn } from "./alike.ts";
import { access, hasOneToken, ONE_TOKEN, readAt, writeAt } from "./api.ts";
import { MountPath } from "./mounts.ts";

const API = "http://127.0.0.1:8200/v1";

const params = z
  .strictObject({
    path: MountPath,
    type: z.enum(["file", "syslog", "socket"]).describe("Where it writes to."),
    description: z.string().default("").describe("A line for people."),
    options: z
      .record(z.string(), z.string())
      .default({})
      .describe("What the kind takes, such as `file_path`."),
    ...access,
  })
  .refine(hasOneToken, ONE_TOKEN);
type Want = z.output<typeof params>;

interface Properties {
  type: string;
  options: string;
}

export default defineState({
  name: "vault.audit-device",
  summary: "Where Vault writes down what was asked of it. OpenBao takes that in its configuration only.",
  key: "path",
  params,
  secretive: ["token"],
  stage: "vault",
  claims: ({ path, address }) => [`vault-audit:${address} ${path}`],

  async check(want, host) {
    const is = await deviceAt(want, host);
    const same = is && isAlike(is["options"] ?? {}, want.options);
    return diff<Properties>(
      is && { type: textIn(is["type"]), options: same ? wordsOf(want.options) : wordsOf(is["options"]) },
      { type: want.type, options: wordsOf(want.options) },
    );
  },

  blocked: async (want, host) => ((await deviceAt(want, host)) ? fixed(want) : undefined),

  async apply(_: Changes<Properties>, want, host) {
    if (await deviceAt(want, host)) throw new BomaError("vault/unlike", fixed(want));
    const { path, type, description, options } = want;
    await writeAt(want, `sys/audit/${path}`, { type, description, options }, host);
  },

  examples: [
    {
      title: "a file that is rotated with a reload",
      key: "file",
      params: {
        type: "file",
        options: { file_path: "/var/log/vault/audit.log" },
        address: "http://127.0.0.1:8200",
        token: "hvs.the-one-that-configures",
      },
      given: {
        http: {
          [`GET ${API}/sys/audit`]: { body: { data: {} } },
          [`POST ${API}/sys/audit/file`]: {
            status: 204,
            makes: {
              [`GET ${API}/sys/audit`]: (sent) => ({
                body: { data: { "file/": JSON.parse(sent) as object } },
              }),
            },
          },
        },
      },
    },
  ],
});

const deviceAt = async (want: Want, host: ReadHost): Promise<Data | undefined> =>
  (await readAt(want, "sys/audit", host))?.[`${want.path}/`] as Data | undefined;

const wordsOf = (options: unknown): string => JSON.stringify(options ?? {});

/** Between the two there would be a moment in which nothing is written down. */
const fixed = ({ path }: Want): string =>
  `the audit device ${path} cannot be changed: declare another beside it, then disable this one by hand`;
