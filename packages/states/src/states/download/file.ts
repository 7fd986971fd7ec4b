import { z } from "zod";

import { diff } from "../../changes.ts";
import { defineState } from "../../define-state.ts";
import { makeAbove, own, ownershipOf, ownersOf, statAs } from "../file/ownership.ts";
import { aboveOf, CreateDirs, Group, Mode, Owner, Path } from "../file/parameters.ts";
import { BytesMax, fetchTo, RedirectHosts, Sha256, Url } from "./parameters.ts";

const HELLO = "5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03";

export default defineState({
  name: "download.file",
  summary: "A file from elsewhere, known by its checksum.",
  key: "path",
  params: z.strictObject({
    path: Path,
    url: Url,
    sha256: Sha256,
    mode: Mode.optional(),
    owner: Owner.optional(),
    group: Group.optional(),
    createDirs: CreateDirs,
    bytesMax: BytesMax,
    redirectHosts: RedirectHosts,
  }),
  claims: ({ path }) => [`file:${path}`],
  after: ({ path, owner, group }) => [...aboveOf(path), ...ownersOf({ owner, group })],

  async check({ path, sha256, mode, owner, group }, { files }) {
    const now = await statAs(files, path, "file");
    const is = now && { sha256: await files.digest(path), ...ownershipOf(now, { owner, group }) };
    return diff(is, { sha256, mode, owner, group });
  },

  async apply({ sha256, ...owned }, want, host) {
    const { path, mode, owner, group } = want;
    const { files } = host;
    if (!sha256) return own(files, path, owned);
    const fetched = await fetchTo(host, want);
    if (want.createDirs) await makeAbove(files, path);
    await files.write(path, files.readStream(fetched), { owner, group, mode });
  },

  examples: [
    {
      title: "a program",
      key: "/opt/tool/bin/tool",
      params: { url: "https://example.org/tool", sha256: HELLO, mode: "0755", createDirs: true },
      given: { downloads: { "https://example.org/tool": "hello\n" } },
    },
    {
      title: "a newer one",
      key: "/opt/tool",
      params: { url: "https://example.org/tool", sha256: HELLO },
      given: { downloads: { "https://example.org/tool": "hello\n" }, files: { "/opt/tool": "old" } },
    },
  ],
});
