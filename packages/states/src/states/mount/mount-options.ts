/**
 * Options of mounts. Most of what stands in an fstab is never shown by the
 * kernel: words for systemd and mount, and those of a filesystem, which it
 * writes in its own way. Only what every mount has is compared.
 */

/** Of each pair the first is the default, which most kernels show by saying nothing. */
const PAIRS = [
  ["rw", "ro"],
  ["suid", "nosuid"],
  ["dev", "nodev"],
  ["exec", "noexec"],
  ["async", "sync"],
  ["diratime", "nodiratime"],
] as const;

const ATIMES: readonly string[] = ["relatime", "noatime", "strictatime"];

/** Words that stand for several others. */
const IMPLIED: Readonly<Record<string, readonly string[]>> = {
  user: ["noexec", "nosuid", "nodev"],
  users: ["noexec", "nosuid", "nodev"],
  owner: ["nosuid", "nodev"],
  group: ["nosuid", "nodev"],
};

/** What the kernel will show where these options are asked for: one word of each pair, sorted. */
export const visible = (options: readonly string[]): string[] => wordsOf(options, "relatime");

/** The same of a mount that is there: one that shows no word on access times keeps them all. */
export const shown = (options: readonly string[]): string[] => wordsOf(options, "strictatime");

function wordsOf(options: readonly string[], atimeUnsaid: string): string[] {
  const all = options.flatMap((option) => [...(IMPLIED[option] ?? []), option]);
  const words = PAIRS.map((pair) => all.findLast((option) => pair.some((one) => one === option)) ?? pair[0]);
  const atime = all.findLast((option) => ATIMES.includes(option)) ?? atimeUnsaid;
  // Without access times there are none of directories either.
  return [...words.filter((word) => atime !== "noatime" || !word.endsWith("diratime")), atime].sort();
}
