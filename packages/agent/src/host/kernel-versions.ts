/** Which of the kernels below /boot is newer than the one that runs. */

const IMAGE = "vmlinuz-";

/**
 * The newest image, where it is newer than the running kernel and of the same kind: a kernel of the cloud
 * flavour does not replace one of another. `undefined` where the running one is not among them, as in a container.
 */
export function newestKernel(names: readonly string[], running: string): string | undefined {
  const installed = names.filter((name) => name.startsWith(IMAGE)).map((name) => name.slice(IMAGE.length));
  if (!installed.includes(running)) return undefined;
  const same = installed.filter((version) => flavour(version) === flavour(running));
  const newest = same.toSorted(byVersion).at(-1);
  return newest !== undefined && byVersion(newest, running) > 0 ? newest : undefined;
}

/** `amd64` of 6.1.0-13-amd64, `cloud-amd64` of 6.1.0-13-cloud-amd64. */
const flavour = (version: string): string => version.replace(/^[\d.+~]+(-\d+)?-?/, "");

/** Numbers as numbers, so that 6.1.0-9 comes before 6.1.0-13. */
function byVersion(a: string, b: string): number {
  const [left, right] = [numbersOf(a), numbersOf(b)];
  for (let at = 0; at < Math.max(left.length, right.length); at++) {
    const difference = (left[at] ?? 0) - (right[at] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

const numbersOf = (version: string): number[] => (version.match(/\d+/g) ?? []).map(Number);
