/** Names of kernel parameters. They have two spellings, and a part of a name may hold a dot itself. */

const KEY = /^[a-z0-9_]+([./][^\s./=#]+)+$/i;

export const isKey = (key: string): boolean => KEY.test(key) && key.length <= 256;

/**
 * The one spelling, with slashes between the parts. Whichever of the two marks comes first in a key separates its
 * parts, and the other stands for a dot: `net.ipv4.conf.eth0/100.forwarding` is `net/ipv4/conf/eth0.100/forwarding`.
 */
export function slashed(key: string): string {
  const [first] = /[./]/.exec(key) ?? [];
  return first === "." ? key.replace(/[./]/g, (mark) => (mark === "." ? "/" : ".")) : key;
}

/** As people write it, where that is not ambiguous. */
export const written = (key: string): string => {
  const path = slashed(key);
  return path.includes(".") ? path : path.replaceAll("/", ".");
};

/** Ours for this key: a part's own dot becomes a colon, so that two keys never share a file. */
export const fileFor = (key: string): string =>
  `/etc/sysctl.d/90-boma-${slashed(key).replaceAll(".", ":").replaceAll("/", ".")}.conf`;

/** Numbers in one parameter are separated by tabs or by blanks, and mean the same. */
export const plainValue = (value: string): string => value.trim().replace(/\s+/g, " ");
