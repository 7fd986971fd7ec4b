import { z } from "zod";

import { defineFunction } from "../../define-function.ts";
import { fileComplaint } from "../../host/file-complaint.ts";

export default defineFunction({
  name: "file.stat",
  summary: "What lies at a path of the node: kind, owner, mode, size; links are not followed.",
  params: z.strictObject({
    path: z.string().startsWith("/").max(4095).describe("The path."),
    digest: z.boolean().default(false).describe("The SHA-256 of a file's content as well."),
  }),
  positional: ["path"],
  result: z.strictObject({
    path: z.string(),
    type: z.enum(["file", "directory", "link", "other"]),
    mode: z.string(),
    owner: z.string(),
    group: z.string(),
    uid: z.int(),
    gid: z.int(),
    bytes: z.int(),
    mtime: z.iso.datetime(),
    links: z.int(),
    target: z.string().optional(),
    sha256: z.string().optional(),
  }),
  effect: "read",
  onRestart: "resume",
  timeoutMs: 5 * 60_000,
  examples: [
    "boma-master run web01 file.stat /etc/passwd",
    "boma-master run '*' file.stat /etc/motd digest=true",
  ],
  async run({ path, digest }, { host: { files } }) {
    const stat = await files.stat(path);
    if (!stat) throw fileComplaint("ENOENT", "look at", path);
    const { mtimeMs, device: _device, inode: _inode, ...rest } = stat;
    return {
      path,
      ...rest,
      mtime: new Date(mtimeMs).toISOString(),
      ...(stat.type === "link" && { target: await files.readLink(path) }),
      ...(stat.type === "file" && digest && { sha256: await files.digest(path) }),
    };
  },
});
