import { z } from "zod";

import { diff } from "../../changes.ts";
import { defineState } from "../../define-state.ts";
import { Name } from "../user/parameters.ts";
import { type AuthorizedKey, authorizedKey, joinLines, Options, withSet } from "./authorized-keys.ts";
import { protectionOf, readKeyFile, writeKeyFile } from "./key-file.ts";
import { fingerprintOf, KeyText, readPublicKey } from "./public-key.ts";

const Key = z.strictObject({ key: KeyText, options: Options.default([]) });
type Key = z.output<typeof Key>;

export default defineState({
  name: "ssh.keys",
  summary: "The set of keys that may log in as a user; one that leaves the set leaves the user.",
  key: "user",
  params: z.strictObject({
    user: Name.describe("As whom they log in."),
    keys: z
      .array(z.union([KeyText.transform((key): Key => ({ key, options: [] })), Key]))
      .max(1000)
      .refine(
        (keys) => new Set(keys.map(({ key }) => readPublicKey(key).blob)).size === keys.length,
        "a key is in the set once, whatever its comment",
      )
      .describe("Public keys: each a line, or `{ key, options }`."),
    exclusive: z
      .boolean()
      .default(false)
      .describe("Take every other key and line away, also those that boma never put there."),
  }),
  claims: ({ user, keys, exclusive }) =>
    exclusive
      ? [`sshkey:${user}`]
      : [
          `sshkey:${user}#set`,
          ...keys.map(({ key }) => `sshkey:${user}#${fingerprintOf(readPublicKey(key))}`),
        ],
  after: ({ user }) => [`user:${user}`],
  warnings: ({ user, keys, exclusive }) =>
    exclusive && keys.length === 0 ? [`no key at all may log in as ${user}`] : [],

  async check({ user, keys, exclusive }, host) {
    const found = await readKeyFile(user, host);
    const should = withSet(found?.lines ?? [], keysOf(keys), exclusive);
    if (!found) return diff<Properties>(undefined, { keys: should, directory: undefined, file: undefined });
    const { is, should: protection } = protectionOf(found);
    const now = found.lines.map(({ text }) => text);
    // Where nothing is and nothing should be, nothing needs protection.
    if (!found.file && should.length === 0) return {};
    return diff<Properties>({ ...is, keys: now }, { ...protection, keys: should });
  },

  apply: (_, { user, keys, exclusive }, host) =>
    writeKeyFile(user, host, (lines) => joinLines(withSet(lines, keysOf(keys), exclusive))),

  examples: [
    {
      title: "two people, beside whoever is there already",
      key: "deploy",
      params: {
        keys: [
          "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f anna",
          {
            key: "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEB ben",
            options: ['from="10.0.0.0/8"'],
          },
        ],
      },
      given: {
        users: { deploy: {} },
        files: {
          "/home/deploy/.ssh": { directory: true, owner: "deploy", mode: "0700" },
          "/home/deploy/.ssh/authorized_keys": {
            contents:
              "# by the provider\nssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIC cloud\n",
            owner: "deploy",
            mode: "0644",
          },
        },
      },
    },
    {
      title: "these and nobody else",
      key: "root",
      params: {
        keys: ["ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f anna"],
        exclusive: true,
      },
      given: { files: { "/root/.ssh/authorized_keys": "ssh-rsa AAAA gone\n" } },
    },
  ],
});

interface Properties {
  readonly keys: readonly string[];
  readonly directory: string;
  readonly file: string;
}

const keysOf = (keys: readonly Key[]): AuthorizedKey[] =>
  keys.map(({ key, options }) => authorizedKey(key, options));
