/** What a file of the site becomes in a catalog: its text, or its bytes where they are none. */
import { BomaError } from "@boma/protocol";

import type { SiteSource } from "../../state-spec.ts";

export interface Expanded {
  readonly contents?: string | undefined;
  readonly base64?: string | undefined;
}

export function expandSource(source: string, site: SiteSource): Expanded {
  const bytes = site.bytes(source);
  const text = textOf(bytes);
  return text === undefined ? { base64: Buffer.from(bytes).toString("base64") } : { contents: text };
}

/** The text that the bytes are, if they are one: what is read is written back byte by byte. */
export function textOf(bytes: Uint8Array): string | undefined {
  try {
    const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
    return text.includes("\0") ? undefined : text;
  } catch {
    return undefined;
  }
}

export const notExpanded = (path: string, source: string): BomaError =>
  new BomaError(
    "state/params",
    `${path}: \`source\` is a file of the site, and ${source} was not put in its place`,
    { hint: "The master does that when it compiles a tree; here, say what the content is." },
  );
