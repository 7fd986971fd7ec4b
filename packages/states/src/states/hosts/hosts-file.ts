/** Reading /etc/hosts, and blocks in it that are known by their ids. What stands outside them is not touched. */
import { BomaError } from "@boma/protocol";

export const HOSTS = "/etc/hosts";

const begin = (id: string): string => `# boma begin ${id}`;
const end = (id: string): string => `# boma end ${id}`;

export interface HostsLine {
  readonly ip: string;
  readonly names: readonly string[];
}

export function parseHosts(text: string): HostsLine[] {
  return text.split("\n").flatMap((line) => {
    const [ip, ...names] = line.replace(/#.*/, "").trim().split(/\s+/);
    return ip === undefined || ip === "" ? [] : [{ ip, names }];
  });
}

export interface Split {
  readonly before: readonly string[];
  readonly inside: readonly string[] | undefined;
  readonly after: readonly string[];
}

/** A block that does not end, or is there twice, is an error: to guess would be to eat lines of others. */
export function splitAt(text: string, id: string): Split {
  const lines = text.replace(/\n$/, "").split("\n");
  const starts = lines.flatMap((line, at) => (line === begin(id) ? [at] : []));
  const ends = lines.flatMap((line, at) => (line === end(id) ? [at] : []));
  const [start, stop] = [starts[0], ends[0]];
  if (start === undefined && stop === undefined)
    return { before: text === "" ? [] : lines, inside: undefined, after: [] };
  if (starts.length !== 1 || ends.length !== 1 || stop! < start!)
    throw new BomaError("state/blocked", `${HOSTS}: the marks of the block ${id} do not fit together`, {
      hint: `There must be one line \`${begin(id)}\`, and after it one \`${end(id)}\`.`,
    });
  return {
    before: lines.slice(0, start),
    inside: lines.slice(start! + 1, stop),
    after: lines.slice(stop! + 1),
  };
}

/** The text with the block's lines; without the block where they are `undefined`. */
export function withBlock(text: string, id: string, inside: readonly string[] | undefined): string {
  const { before, after } = splitAt(text, id);
  const block = inside ? [begin(id), ...inside, end(id)] : [];
  const lines = [...before, ...block, ...after];
  return lines.length === 0 ? "" : `${lines.join("\n")}\n`;
}
