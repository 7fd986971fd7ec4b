import { z } from "zod";

import { diff } from "../../changes.ts";
import { defineState } from "../../define-state.ts";
import { Name } from "../user/parameters.ts";
import { authorizedKey, joinLines, type Line, Options, withKey, withoutKey } from "./authorized-keys.ts";
import { protectionOf, readKeyFile, writeKeyFile } from "./key-file.ts";
import { fingerprintOf, KeyText, readPublicKey } from "./public-key.ts";

export default defineState({
  name: "ssh.key",
  summary: "One key that may, or may no longer, log in as a user; other keys stay.",
  key: "name",
  params: z.strictObject({
    name: z.string().min(1).max(256).describe("What this key is called here: `laptop of anna`."),
    user: Name.describe("As whom it logs in."),
    key: KeyText.describe("The public key, a line such as `ssh-ed25519 AAAA… anna@laptop`."),
    options: Options.default([]).describe('What sshd lets it do: `restrict`, `from="10.0.0.0/8"`.'),
    present: z.boolean().default(true).describe("With false the key is taken away."),
  }),
  claims: ({ user, key }) => [`sshkey:${user}#${fingerprintOf(readPublicKey(key))}`],
  after: ({ user }) => [`user:${user}`],

  async check({ user, key, options, present }, host) {
    const wanted = authorizedKey(key, options);
    const found = await readKeyFile(user, host);
    const now = found?.lines.filter(({ blob }) => blob === wanted.blob).map(({ text }) => text) ?? [];
    if (!present) return now.length === 0 ? {} : diff<Properties>({ key: now }, { ...UNMANAGED, key: [] });
    const should = withKey([], wanted);
    if (!found) return diff<Properties>(undefined, { ...UNMANAGED, key: should });
    const protection = protectionOf(found);
    return diff<Properties>({ ...protection.is, key: now }, { ...protection.should, key: should });
  },

  apply(_, { user, key, options, present }, host) {
    const wanted = authorizedKey(key, options);
    const change = (lines: readonly Line[]): readonly string[] =>
      present ? withKey(lines, wanted) : withoutKey(lines, wanted);
    return writeKeyFile(user, host, (lines) => joinLines(change(lines)));
  },

  examples: [
    {
      title: "a laptop that may log in",
      key: "laptop of anna",
      params: {
        user: "anna",
        key: "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f anna@laptop",
        options: ["restrict", "pty"],
      },
      given: { users: { anna: {} }, files: { "/home/anna": { directory: true, owner: "anna" } } },
    },
    {
      title: "a key that was lost",
      key: "old laptop of anna",
      params: {
        user: "anna",
        key: "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f",
        present: false,
      },
      given: {
        users: { anna: {} },
        files: {
          "/home/anna/.ssh": { directory: true, owner: "anna", mode: "0700" },
          "/home/anna/.ssh/authorized_keys": {
            contents:
              "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f anna@old\n",
            owner: "anna",
            mode: "0600",
          },
        },
      },
    },
  ],
});

interface Properties {
  readonly key: readonly string[];
  readonly directory: string;
  readonly file: string;
}
const UNMANAGED = { directory: undefined, file: undefined };
