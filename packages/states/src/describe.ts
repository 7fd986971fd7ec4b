import { z } from "zod";

import { type AnyFunction, FUNCTION_TIMEOUT_MS } from "./define-function.ts";

export interface ParameterDoc {
  readonly name: string;
  readonly type: string;
  readonly required: boolean;
  readonly default?: unknown;
  readonly summary?: string | undefined;
}

/** A function as documents, help and completion show it; everything comes from its schema. */
export interface FunctionDoc {
  readonly name: string;
  readonly summary: string;
  readonly effect: "read" | "write";
  readonly onRestart: "fail" | "resume";
  readonly timeoutMs: number;
  readonly positional: readonly string[];
  readonly parameters: readonly ParameterDoc[];
  readonly examples: readonly string[];
}

interface JsonSchema {
  readonly type?: string;
  readonly enum?: readonly unknown[];
  readonly items?: JsonSchema;
  readonly anyOf?: readonly JsonSchema[];
  readonly additionalProperties?: JsonSchema | boolean;
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly required?: readonly string[];
  readonly default?: unknown;
  readonly description?: string;
}

/** The parameters of a strict object, as its schema tells them. */
export function describeParameters(params: z.ZodObject): readonly ParameterDoc[] {
  const schema = z.toJSONSchema(params, { io: "input" }) as JsonSchema;
  return Object.entries(schema.properties ?? {}).map(([name, property]) => ({
    name,
    type: typeText(property),
    required: schema.required?.includes(name) ?? false,
    ...(property.default !== undefined && { default: property.default }),
    ...(property.description !== undefined && { summary: property.description }),
  }));
}

export function describeFunction(spec: AnyFunction): FunctionDoc {
  const parameters = describeParameters(spec.params as z.ZodObject);
  const { name, summary, effect, onRestart, examples } = spec;
  const timeoutMs = spec.timeoutMs ?? FUNCTION_TIMEOUT_MS;
  return {
    name,
    summary,
    effect,
    onRestart,
    timeoutMs,
    positional: spec.positional ?? [],
    parameters,
    examples,
  };
}

function typeText(schema: JsonSchema): string {
  if (schema.enum) return schema.enum.map((value) => JSON.stringify(value)).join(" | ");
  if (schema.anyOf) return schema.anyOf.map(typeText).join(" | ");
  if (schema.type === "array") return `list of ${typeText(schema.items ?? {})}`;
  if (schema.type === "object" && typeof schema.additionalProperties === "object")
    return `map of ${typeText(schema.additionalProperties)}`;
  return schema.type ?? "any";
}
