import { BomaError } from "@boma/protocol";
/**
 * What cloud-init asks of a NoCloud server, so that a machine with somebody else's
 * image becomes a node: who the master is, its token, and the agent's package.
 * JSON is YAML, and cannot be written wrongly.
 */
import { parse } from "yaml";

export interface Cloud {
  readonly mac: string;
  readonly node?: string | undefined;
  readonly profile?: string | undefined;
  readonly token: string;
  /** Who the master is, in the form of a join token. */
  readonly join: string;
  /** Where the agent's package is fetched; without one, the image has it or brings it another way. */
  readonly packages?: Packages | undefined;
}

export interface Packages {
  readonly url: string;
  /** As `sha256sum` writes it: digest, two spaces, name; one of each architecture. */
  readonly sums: readonly string[];
}

export const nameOf = ({ node, mac }: Pick<Cloud, "node" | "mac">): string =>
  node ?? `node-${mac.replaceAll(":", "")}`;

/** An instance is one boot's: with the same id cloud-init would do nothing again, which is right until a new token is given. */
export const metaData = (cloud: Pick<Cloud, "mac" | "node">): string =>
  yaml({ "instance-id": `boma-${cloud.mac.replaceAll(":", "")}`, "local-hostname": nameOf(cloud) });

export const vendorData = (): string => cloudConfig({});

/**
 * `sh -ec INSTALL sh URL "SUM  NAME"…`: which architecture it is, only the machine knows. A package that came in half, or is
 * another, is not installed, and cloud-init says so.
 */
export const INSTALL = `
url=$1; shift
arch=$(dpkg --print-architecture)
for sum; do case $sum in *_"$arch".deb) break;; *) sum=;; esac; done
[ -n "$sum" ] || { echo "boma: there is no package for $arch at $url" >&2; exit 1; }
dir=$(mktemp -d /run/boma-agent.XXXXXX)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
name=\${sum##* }
if command -v curl > /dev/null; then curl --fail --silent --show-error --retry 5 --output "$name" "$url/$name"
else wget --quiet --tries=5 --output-document="$name" "$url/$name"; fi
echo "$sum" | sha256sum --check --quiet -
apt-get -o APT::Sandbox::User=root --yes install "./$name"
`;

/** `extra` is the site's own, of the profile; lists are put together, and what we say stands over what it says. */
export function userData(cloud: Cloud, extra: Readonly<Record<string, unknown>> = {}): string {
  const { token, join, packages } = cloud;
  const secret = (path: string, content: string) => ({
    path,
    permissions: "0600",
    owner: "root:root",
    content,
  });
  const installed = packages
    ? ["sh", "-ec", INSTALL, "sh", packages.url, ...packages.sums]
    : ["systemctl", "restart", "boma-agent.service"];
  return cloudConfig({
    ...extra,
    hostname: nameOf(cloud),
    write_files: [
      ...listIn(extra, "write_files"),
      secret("/etc/boma/join", `${join}\n`),
      secret("/etc/boma/token", `${token}\n`),
    ],
    runcmd: [...listIn(extra, "runcmd"), installed],
  });
}

/** To a machine that is a node already: no token, and its name is no more cloud-init's. */
export const settledData = (): string => cloudConfig({ preserve_hostname: true });

const listIn = (extra: Readonly<Record<string, unknown>>, key: string): readonly unknown[] => {
  const value = extra[key];
  return Array.isArray(value) ? value : [];
};

/** A profile's part, as the operator wrote it below the directory of `--user-data`. */
export function readExtra(text: string, file: string): Readonly<Record<string, unknown>> {
  const value: unknown = parse(text, { maxAliasCount: 0 });
  if (value === null || value === undefined) return {};
  if (typeof value === "object" && !Array.isArray(value)) return value as Record<string, unknown>;
  throw new BomaError("usage/file", `${file} is no cloud-config: it holds no mapping`);
}

const yaml = (value: object): string => `${JSON.stringify(value, undefined, 2)}\n`;
export const cloudConfig = (value: object): string => `#cloud-config\n${yaml(value)}`;
