import { z } from "zod";

import { defineFunction } from "../../define-function.ts";
import type { ReadFiles } from "../../host/files.ts";
import type { Mount } from "../../host/mounts.ts";

/** File systems that hold nothing on a disk. */
const MADE_UP =
  /^(proc|sysfs|devpts|devtmpfs|cgroup2?|securityfs|debugfs|tracefs|configfs|pstore|bpf|mqueue|hugetlbfs|binfmt_misc|autofs|fusectl|efivarfs|nsfs|rpc_pipefs|ramfs)$/;
const MOUNTS_MAX = 500;

const Usage = z.strictObject({
  mount: z.string(),
  device: z.string(),
  type: z.string(),
  bytes: z.int(),
  bytesUsed: z.int(),
  /** What is left for everybody; a file system keeps some for root. */
  bytesFree: z.int(),
  inodes: z.int(),
  inodesFree: z.int(),
});

export default defineFunction({
  name: "disk.usage",
  summary: "How full each file system of the node is, in bytes and in inodes.",
  params: z.strictObject({
    path: z
      .string()
      .startsWith("/")
      .max(4095)
      .optional()
      .describe("Only the file system that is mounted here."),
  }),
  positional: ["path"],
  result: z.array(Usage),
  effect: "read",
  onRestart: "resume",
  timeoutMs: 30_000,
  examples: ["boma-master run '*' disk.usage", "boma-master run web01 disk.usage /var"],
  async run({ path }, { host: { files, mounts } }) {
    const all = seen(await mounts.list());
    const wanted = path === undefined ? all : all.filter((mount) => mount.path === path);
    const usages: z.output<typeof Usage>[] = [];
    for (const mount of wanted.slice(0, MOUNTS_MAX)) usages.push(...(await usageOf(files, mount)));
    return usages;
  },
});

/** What is mounted twice in one place is seen only as the later. */
function seen(mounts: readonly Mount[]): Mount[] {
  const real = mounts.filter(({ fstype }) => !MADE_UP.test(fstype));
  return [...new Map(real.map((mount) => [mount.path, mount])).values()].toSorted((a, b) =>
    a.path < b.path ? -1 : 1,
  );
}

/** A file system that does not answer, such as one that went away, is left out. */
async function usageOf(files: ReadFiles, mount: Mount): Promise<z.output<typeof Usage>[]> {
  const space = await files.space(mount.path).catch(() => undefined);
  if (!space || space.bytes === 0) return [];
  return [{ mount: mount.path, device: mount.source, type: mount.fstype, ...space }];
}
