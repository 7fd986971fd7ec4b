/** Who asks for a boot script, read from a URL that anybody on the boot LAN can write. */
import { z } from "zod";

import { Mac, Uuid } from "./windows.ts";

/** iPXE's names for what Debian calls otherwise. A 32-bit build runs on 64-bit machines as well. */
const ARCHS: ReadonlyMap<string, "amd64" | "arm64"> = new Map([
  ["i386", "amd64"],
  ["x86_64", "amd64"],
  ["amd64", "amd64"],
  ["arm64", "arm64"],
]);

const Asked = z.object({
  mac: z.preprocess((text) => (typeof text === "string" ? text.replaceAll("-", ":") : text), Mac),
  arch: z.string().transform((name, context) => {
    const arch = ARCHS.get(name);
    if (arch !== undefined) return arch;
    context.addIssue({ code: "custom", message: "i386, x86_64 or arm64" });
    return z.NEVER;
  }),
});

export interface Asked {
  readonly mac: string;
  readonly uuid?: string;
  readonly serial?: string;
  readonly arch: "amd64" | "arm64";
}

/** What is not there or not what it should be of uuid and serial is left out: many boards have none. */
export function readAsked(query: URLSearchParams): Asked | undefined {
  const read = Asked.safeParse({ mac: query.get("mac"), arch: query.get("arch") });
  if (!read.success) return undefined;
  const uuid = Uuid.safeParse(query.get("uuid"));
  const serial = query.get("serial") ?? "";
  return {
    ...read.data,
    ...(uuid.success && { uuid: uuid.data }),
    ...(/^[\x21-\x7e]{1,64}$/.test(serial) && { serial }),
  };
}
