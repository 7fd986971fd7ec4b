import { isIPv4 } from "./addresses.ts";
import { parseHosts } from "./hosts-file.ts";

const LOOPBACK = "127.0.1.1";

/**
 * The text with the machine's names at 127.0.1.1: Debian's way to resolve its own name without a name server. A name
 * that has an address of its own there already keeps it: databases and storage bind to what it resolves to.
 */
export function withLoopback(text: string, names: readonly string[]): string {
  const elsewhere = parseHosts(text).some(
    (line) =>
      isIPv4(line.ip) && !line.ip.startsWith("127.") && line.names.some((name) => names.includes(name)),
  );
  if (elsewhere) return text;
  const wanted = `${LOOPBACK}\t${names.join(" ")}`;
  const lines = text.replace(/\n$/, "").split("\n");
  const isLoopback = (line: string): boolean => parseHosts(line)[0]?.ip === LOOPBACK;
  const at = lines.findIndex(isLoopback);
  if (at >= 0 && sameLine(lines[at]!, names)) return text;
  if (at >= 0) lines[at] = wanted;
  else lines.splice(lines.findIndex((line) => parseHosts(line)[0]?.ip === "127.0.0.1") + 1, 0, wanted);
  return `${lines.join("\n")}\n`;
}

const sameLine = (line: string, names: readonly string[]): boolean =>
  parseHosts(line)[0]?.names.join(" ") === names.join(" ");
