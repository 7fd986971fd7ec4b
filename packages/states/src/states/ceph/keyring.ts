/** Keyrings: who somebody is, by which key, and what he may do. */

export type Caps = Readonly<Record<string, string>>;

export interface Member {
  readonly entity: string;
  readonly key: string;
  readonly caps?: Caps | undefined;
}

export const keyringText = (...members: readonly Member[]): string => members.map(sectionOf).join("");

function sectionOf({ entity, key, caps = {} }: Member): string {
  const lines = Object.entries(caps)
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([service, cap]) => `\tcaps ${service} = "${cap}"\n`);
  return `[${entity}]\n\tkey = ${key}\n${lines.join("")}`;
}

/** The key that a keyring has for somebody. */
export function keyIn(text: string, entity: string): string | undefined {
  let section = "";
  for (const line of text.split("\n")) {
    const name = /^\s*\[(.+)\]\s*$/.exec(line)?.[1];
    if (name !== undefined) section = name;
    const key = /^\s*key\s*=\s*(\S+)\s*$/.exec(line)?.[1];
    if (key !== undefined && section === entity) return key;
  }
  return undefined;
}
