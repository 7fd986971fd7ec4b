/** Patterns of sshd for users, groups and where they come from: `anna`, `ops-*`, `anna@10.0.0.0/8`. */
import { z } from "zod";

import { networkOf } from "../firewall/addresses.ts";

const Network = z.union([z.cidrv4(), z.cidrv6()]);

/** A pattern that forbids, with `!`, opens nothing; where one denies it is taken to deny nobody, which sshd does too. */
export function isOpenTo(pattern: string, name: string, from: string): boolean {
  const at = pattern.lastIndexOf("@");
  const who = at === -1 ? pattern : pattern.slice(0, at);
  if (!isLike(who, name)) return false;
  return (
    at === -1 ||
    pattern
      .slice(at + 1)
      .split(",")
      .some((place) => isFrom(place, from))
  );
}

function isFrom(place: string, from: string): boolean {
  return Network.safeParse(place).success ? isWithin(place, from) : isLike(place, from);
}

/** Whether an address is in a network, or a smaller network in a larger one; an address alone is a network of one. */
export function isWithin(network: string, part: string): boolean {
  const [outer, inner] = [networkOf(network), networkOf(part)];
  return outer.version === inner.version && outer.span[0] <= inner.span[0] && inner.span[1] <= outer.span[1];
}

function isLike(pattern: string, text: string): boolean {
  if (pattern.startsWith("!")) return false;
  const literal = pattern.replaceAll(/[.+^${}()|[\]\\]/g, String.raw`\$&`);
  return new RegExp(`^${literal.replaceAll(/\*+/g, ".*").replaceAll("?", ".")}$`, "s").test(text);
}
