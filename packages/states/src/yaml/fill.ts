/** `${pillar.web.port}` inside a text: a value of what is known of the node, or a secret. `$${` is `${` itself. */
import { BomaError, closest } from "@boma/protocol";

import { isSecret, secret, text } from "../secret.ts";
import type { Known } from "../tree.ts";

const PART = /\$(\$)?\{([^}]*)\}/g;
const ROOTS = ["pillar", "grains", "assigned", "node"] as const;

/** A text that is one `${…}` and nothing else becomes the value itself, whatever kind it is. */
export function fill(written: string, known: Known): unknown {
  if (!written.includes("${")) return written;
  const whole = /^\$\{([^}]*)\}$/.exec(written);
  if (whole) return valueAt(whole[1]!.trim(), known);
  const strings: string[] = [];
  const values: unknown[] = [];
  let before = "";
  let at = 0;
  for (const match of written.matchAll(PART)) {
    before += written.slice(at, match.index);
    at = match.index + match[0].length;
    if (match[1]) {
      before += `\${${match[2]}}`;
      continue;
    }
    strings.push(before);
    before = "";
    values.push(scalar(match[2]!.trim(), known));
  }
  strings.push(before + written.slice(at));
  return text(Object.assign(strings, { raw: strings }), ...values);
}

function scalar(path: string, known: Known): unknown {
  const value = valueAt(path, known);
  if (isSecret(value) || ["string", "number", "boolean"].includes(typeof value)) return value;
  throw new BomaError(
    "site/value",
    `\${${path}} is ${Array.isArray(value) ? "a list" : "a map"}, which cannot stand inside a text`,
    {
      hint: "Name one value of it, or let it stand alone.",
    },
  );
}

function valueAt(path: string, known: Known): unknown {
  if (path.startsWith("secret:")) return secret(path.slice("secret:".length));
  const [root = "", ...rest] = path.split(".");
  if (!(ROOTS as readonly string[]).includes(root))
    throw new BomaError("site/value", `\${${path}} does not begin with one of ${ROOTS.join(", ")}`, {
      hint: "Write $${ where ${ itself is meant.",
    });
  let value: unknown = known[root as (typeof ROOTS)[number]];
  let walked: string = root;
  for (const name of rest) {
    const next =
      typeof value === "object" && value !== null && Object.hasOwn(value, name)
        ? (value as Record<string, unknown>)[name]
        : undefined;
    if (next === undefined || next === null) throw missing(path, walked, name, value);
    value = next;
    walked += `.${name}`;
  }
  return value;
}

function missing(path: string, walked: string, name: string, value: unknown): BomaError {
  const names = typeof value === "object" && value !== null ? Object.keys(value) : [];
  const near = closest(name, names);
  return new BomaError("site/value", `\${${path}}: ${walked} has no \`${name}\``, {
    hint:
      near === undefined
        ? names.length === 0
          ? `${walked} is empty.`
          : `It has: ${names.slice(0, 12).join(", ")}.`
        : `Did you mean \`${near}\`?`,
  });
}
