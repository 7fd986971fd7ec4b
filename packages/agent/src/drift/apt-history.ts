/** Who asked apt for something, as apt itself wrote it down. */
import { basename } from "node:path";

export interface AptDeed {
  readonly at: number;
  readonly who: string;
}

const DEEDS = /^(Install|Reinstall|Upgrade|Downgrade|Remove|Purge): (.*)$/gm;

/** The last time since a moment that one of these packages was touched. Its times are those of the machine. */
export function aptDeed(history: string, packages: readonly string[], since: number): AptDeed | undefined {
  const wanted = new Set(packages);
  return history
    .split(/\n\s*\n/)
    .flatMap((stanza) => deedIn(stanza, wanted) ?? [])
    .filter(({ at }) => at >= since)
    .at(-1);
}

function deedIn(stanza: string, wanted: ReadonlySet<string>): AptDeed | undefined {
  const touched = [...stanza.matchAll(DEEDS)].flatMap(([, , list = ""]) =>
    // A list is `nginx:amd64 (1.22.1-9), libfoo:amd64 (1.0, automatic)`.
    [...list.matchAll(/(?:^|, )([a-z0-9][a-z0-9+.-]*)(?::[a-z0-9]+)? \(/g)].map(([, name]) => name!),
  );
  if (!touched.some((name) => wanted.has(name))) return undefined;
  const field = (name: string): string | undefined =>
    new RegExp(`^${name}: (.*)$`, "m").exec(stanza)?.[1]?.trim();
  const at = Date.parse((field("Start-Date") ?? "").replace(/\s+/, "T"));
  if (Number.isNaN(at)) return undefined;
  const user = /^([a-z_][a-z0-9_.-]{0,63}) \(\d+\)$/.exec(field("Requested-By") ?? "")?.[1] ?? "root";
  return { at, who: `${user} (${commandOf(field("Commandline") ?? "")})` };
}

/** Its program and what it was to do; the rest may hold what is nobody's business. */
function commandOf(line: string): string {
  const [program = "apt", ...rest] = line.split(/\s+/).filter(Boolean);
  const verb = rest.find((word) => /^[a-z][a-z-]*$/.test(word));
  return [basename(program), ...(verb === undefined ? [] : [verb])].join(" ");
}
