/** /proc/self/mountinfo, line by line. */

export interface MountLine {
  /** Major and minor number of the device, `8:1`; 0 as major where there is none behind it. */
  readonly device: string;
  /** Which directory of the filesystem is mounted: `/` for all of it. */
  readonly root: string;
  readonly path: string;
  readonly source: string;
  readonly fstype: string;
  readonly options: readonly string[];
}

const LINES_MAX = 100_000;

/** The kernel writes blanks, line ends, backslashes and `#` in octal. */
const decoded = (field: string): string =>
  field.replace(/\\([0-3][0-7]{2})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));

/**
 * `36 35 98:0 /sub /mnt rw,noatime master:1 - ext3 /dev/sda1 rw,errors=continue`: between the options and the dash
 * stand any number of words.
 */
export function parseMountinfo(text: string): MountLine[] {
  const found: MountLine[] = [];
  for (const line of text.split("\n").slice(0, LINES_MAX)) {
    const fields = line.split(" ");
    const dash = fields.indexOf("-", 6);
    const [, , device, root, path, options] = fields;
    const [fstype, source, superOptions = ""] = dash < 0 ? [] : fields.slice(dash + 1);
    if (device === undefined || path === undefined || fstype === undefined || source === undefined) continue;
    found.push({
      device,
      root: decoded(root!),
      path: decoded(path),
      source: decoded(source),
      fstype,
      options: together(options!.split(","), superOptions.split(",")),
    });
  }
  return found;
}

/** Those of the mount and those of the filesystem below it: one that is read-only makes all its mounts so. */
function together(own: readonly string[], superOptions: readonly string[]): string[] {
  const readOnly = own.includes("ro") || superOptions.includes("ro");
  const rest = [...own, ...superOptions].filter(
    (option) => option !== "ro" && option !== "rw" && option !== "",
  );
  return [readOnly ? "ro" : "rw", ...new Set(rest)];
}
