import { BomaError, closest } from "@boma/protocol";
import { z } from "zod";

import { replaceSecrets, secretsIn } from "./secret.ts";
import type { AnySpec } from "./state-spec.ts";

/** Checks parameters against the state's schema: on the master with secrets as references, on the node with what they stand for. */
export function checkParams(spec: AnySpec, params: object): Record<string, unknown> {
  const secretive = new Set<string>(spec.secretive ?? []);
  const open: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(params))
    open[name] = replaceSecrets(value, (reference) => {
      if (secretive.has(name)) return PLACEHOLDER;
      throw new BomaError("state/secret", `${spec.name} takes no secret in \`${name}\`: ${reference}`, {
        hint:
          secretive.size === 0
            ? "None of its parameters may hold one."
            : `A secret may stand in: ${[...secretive].join(", ")}.`,
      });
    });
  const read = z.safeParse(spec.params as z.ZodObject, open);
  if (!read.success) throw paramsError(spec, read.error);
  // Defaults come from the schema; what holds a secret stays as it was written.
  const held = Object.entries(params).filter(([, value]) => secretsIn(value).length > 0);
  return { ...read.data, ...Object.fromEntries(held) };
}

/** What stands for a secret while a schema looks on the master; no schema of a secretive parameter may refuse it. */
export const PLACEHOLDER = "(secret)";

function paramsError(spec: AnySpec, error: z.ZodError): BomaError {
  const names = Object.keys(spec.params.shape as object);
  const unknown = error.issues.flatMap((issue) => (issue.code === "unrecognized_keys" ? issue.keys : []));
  const near = unknown.map((name) => closest(name, names)).find((name) => name !== undefined);
  return new BomaError(
    "state/params",
    `${spec.name} cannot take these parameters:\n${z.prettifyError(error)}`,
    {
      hint:
        near === undefined
          ? `\`boma-master doc ${spec.name}\` shows what it takes.`
          : `Did you mean \`${near}\`?`,
      cause: error,
    },
  );
}
