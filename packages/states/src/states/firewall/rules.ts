/** Rules that somebody asked for: those that are written, and those that other declarations need. */
import type { OwnedNeed } from "../../catalog/needs.ts";
import { type Addresses, byVersion } from "./addresses.ts";
import type { DeclaredRule, Want, Zone } from "./parameters.ts";
import { intersection, portSpan, union } from "./spans.ts";
import type { Ports, Rule } from "./table.ts";

const NOTE_MAX = 100;

/** A rule of one's own is one of ours for each version of IP that it speaks of. */
export function declaredRules(declared: DeclaredRule): readonly Rule[] {
  const { name, action, proto, ports, from, to, in: iif, out } = declared;
  const rest = {
    ...(iif && { iif: sorted(iif) }),
    ...(out && { oif: sorted(out) }),
    ...(proto && { ports: { proto, to: union(ports!.map(portSpan)) } }),
    verdict: action,
    note: `rule ${name}`,
  };
  const [sources, targets] = [from && byVersion(from), to && byVersion(to)];
  if (!sources || !targets) {
    const known = sources ?? targets;
    if (!known) return [rest];
    return known.map((addresses) => ({ ...rest, ...(sources ? { from: addresses } : { to: addresses }) }));
  }
  return sources.flatMap((source) =>
    targets
      .filter(({ version }) => version === source.version)
      .map((target) => ({ ...rest, from: source, to: target })),
  );
}

/** Whom an exposure lets in; each is wider than the one before. */
export function placesOf(exposure: OwnedNeed["exposure"], { zones, control }: Want): readonly Zone[] {
  const mesh = [
    ...(zones.mesh ? [zones.mesh] : []),
    ...(control.meshInterfaces.length > 0 ? [{ interfaces: control.meshInterfaces }] : []),
  ];
  const local = [...mesh, ...(zones.lan ? [zones.lan] : [])];
  if (exposure === "none") return [];
  if (exposure === "mesh") return mesh;
  if (exposure === "lan") return local;
  return zones.public ? [...local, zones.public] : [{}];
}

/** The rules that let a need be met: on the port itself, or on the one that was asked for before it was sent elsewhere. */
export function neededRules(need: OwnedNeed, want: Want, side: "to" | "original"): readonly Rule[] {
  const span = portSpan(need.port);
  const ports: Ports = { proto: need.proto, ...(side === "to" ? { to: [span] } : { original: span }) };
  const note = noteOf(`${need.owner}: ${need.name}`);
  return placesOf(need.exposure, want).flatMap(({ interfaces, from }) =>
    sourcesOf(from, need.from).map((source) => ({
      ...(interfaces && { iif: sorted(interfaces) }),
      ...(source && { from: source }),
      ports,
      verdict: "accept" as const,
      note,
    })),
  );
}

/** What lies in both; `[undefined]` is everywhere, and no member at all is nowhere. */
function sourcesOf(
  zone: readonly string[] | undefined,
  own: readonly string[] | undefined,
): readonly (Addresses | undefined)[] {
  if (!zone || !own) {
    const known = zone ?? own;
    return known ? byVersion(known) : [undefined];
  }
  const mine = byVersion(own);
  return byVersion(zone).flatMap(({ version, spans }) => {
    const both = intersection(spans, mine.find((one) => one.version === version)?.spans ?? []);
    return both.length > 0 ? [{ version, spans: both }] : [];
  });
}

export const sorted = (names: readonly string[]): readonly string[] => [...new Set(names)].sort();

/** nft has no way to write a quote within a comment, and no more room than this. */
const noteOf = (text: string): string => text.replace(/[^ !#-[\]-~]/g, "?").slice(0, NOTE_MAX);
