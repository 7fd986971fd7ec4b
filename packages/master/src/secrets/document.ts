/** One value out of a file that holds several, as YAML or JSON: `#database.password`. */
import { isMap, isScalar, isSeq, parseDocument } from "yaml";

import { type Reference, unknown, unreadable } from "./reference.ts";

export const SECRET_BYTES_MAX = 64 * 1024;

/** A whole file, or one value in it. The newline that editors put at the end of a file is not part of a secret. */
export function secretIn(text: string, reference: Reference): string {
  if (reference.key === undefined) return text.replace(/\r?\n$/, "");
  const document = parseDocument(text, { logLevel: "silent" });
  if (document.errors.length > 0) {
    // The parser quotes the lines around a fault: only its place is told.
    const line = document.errors[0]!.linePos?.[0].line;
    throw unreadable(
      reference,
      `it is neither YAML nor JSON${line === undefined ? "" : `, from line ${line} on`}`,
    );
  }
  let at: unknown = document.contents;
  for (const name of reference.key.split(".")) {
    if (isMap(at)) at = at.get(name, true);
    else if (isSeq(at) && /^\d{1,6}$/.test(name)) at = at.get(Number(name), true);
    else at = undefined;
  }
  if (at === undefined || at === null) throw unknown(reference, `there is no ${reference.key} in it`);
  if (!isScalar(at)) throw unknown(reference, `${reference.key} is not a single value`);
  return scalarText(at, reference);
}

/** As it is written: `0123` in YAML is a secret of four characters and not the number 83. */
function scalarText(
  scalar: { readonly value: unknown; readonly source?: string },
  reference: Reference,
): string {
  const { value, source } = scalar;
  if (typeof value === "string") return value;
  if (value === null) throw unknown(reference, `${reference.key} is empty`);
  return source ?? `${value as number | boolean | bigint}`;
}

/** Bytes as text; what is not text cannot stand in a parameter. */
export function textOf(bytes: Uint8Array, reference: Reference): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw unreadable(reference, "it is not text in UTF-8", "Keep binary secrets in base64.");
  }
}
