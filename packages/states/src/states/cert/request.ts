import { createPrivateKey, type KeyObject } from "node:crypto";

import { z } from "zod";

import { diff } from "../../changes.ts";
import { defineState } from "../../define-state.ts";
import type { ReadFiles } from "../../host/files.ts";
import { aboveOf, Group, Mode, Owner, Path } from "../file/parameters.ts";
import { blocked } from "../user/parameters.ts";
import { EXAMPLE_KEY } from "./example-pair.ts";
import { isRequestFor, keyPem, makeKey, requestFor } from "./issue.ts";
import { HostName } from "./material.ts";

const Params = z.strictObject({
  path: Path.describe("The file of the private key; the request lies beside it, with `.csr` at its end."),
  names: z
    .array(HostName)
    .min(1)
    .max(100)
    .describe("Names and addresses to ask for; the first is the subject."),
  keyType: z.enum(["ec", "rsa"]).default("ec").describe("Of a new key: P-256, or RSA with 3072 bits."),
  owner: Owner.default("root"),
  group: Group.default("root"),
  mode: Mode.default("0600")
    .refine((mode) => !/[1-7]$/.test(mode), "others never read a private key")
    .describe("Of the private key; the request is readable by all."),
});
type Want = z.output<typeof Params>;

export default defineState({
  name: "cert.request",
  summary: "A private key that is made on the machine and never leaves it, and a request to certify it.",
  key: "path",
  params: Params,
  confinable: true,
  together: true,
  claims: ({ path }) => [`file:${path}`, `file:${requestOf(path)}`],
  after: ({ path, owner, group }) => [`user:${owner}`, `group:${group}`, ...aboveOf(path)],

  async check(want, { files }) {
    const { path, names, owner, group, mode } = want;
    const stat = await files.stat(path);
    const key = await readKey(want, files);
    const asks = key && (await textOf(requestOf(path), files));
    const isFor = asks !== undefined && isRequestFor(asks, key!, names);
    return diff<Properties>(
      stat && {
        key: "a key",
        request: isFor ? names.join(", ") : "(another)",
        owner: stat.owner,
        group: stat.group,
        mode: stat.mode,
      },
      { key: "a key", request: names.join(", "), owner, group, mode },
    );
  },

  async apply({ key: made, request, owner, group, mode }, want, { files }) {
    const { path, names, keyType } = want;
    if (made) await files.write(path, keyPem(makeKey(keyType)), want);
    else if (owner || group) await files.chown(path, want);
    if (!made && mode) await files.chmod(path, want.mode);
    const key = await readKey(want, files);
    if (request && key) await files.write(requestOf(path), requestFor(key, names), { ...want, mode: "0644" });
  },

  examples: [
    {
      title: "a key and a request for a web server",
      key: "/etc/ssl/private/web.key",
      params: { names: ["web.example", "www.web.example"] },
      given: { files: { "/etc/ssl/private": { directory: true, mode: "0710" } } },
    },
    {
      title: "a request for a key that is there",
      key: "/etc/ssl/private/web.key",
      params: { names: ["web.example"] },
      given: { files: { "/etc/ssl/private/web.key": EXAMPLE_KEY } },
    },
  ],
});

interface Properties {
  readonly key: string;
  readonly request: string;
  readonly owner: string;
  readonly group: string;
  readonly mode: string;
}

const requestOf = (path: string): string => `${path}.csr`;

/** A key that cannot be read is somebody's, and is not replaced. */
async function readKey({ path }: Want, files: ReadFiles): Promise<KeyObject | undefined> {
  const text = await textOf(path, files);
  if (text === undefined) return undefined;
  try {
    const key = createPrivateKey(text);
    if (key.asymmetricKeyType === "ec" || key.asymmetricKeyType === "rsa") return key;
  } catch {
    // What the library says may repeat what it read.
  }
  throw blocked(
    `${path} is there, and is no private key of a kind that can be used`,
    "It is not replaced. Move it away.",
  );
}

async function textOf(path: string, files: ReadFiles): Promise<string | undefined> {
  const stat = await files.stat(path);
  if (!stat) return undefined;
  if (stat.type !== "file") throw blocked(`${path} is a ${stat.type}, not a file`);
  return files.readText(path);
}
