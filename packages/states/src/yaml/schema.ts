/** The JSON schema of YAML trees: completion and errors in the editor, from the same schemas that check everything. */
import { z } from "zod";

import { REQUISITES, REQUISITES_IN } from "../declaration.ts";
import { STAGES } from "../stages.ts";
import type { AnySpec } from "../state-spec.ts";

const REFERENCE = { anyOf: [{ type: "string" }, { type: "array", items: { type: "string" } }] };
const GUARD = { anyOf: [{ type: "string" }, { type: "array" }] };
const COMMON = {
  unless: { ...GUARD, description: "Not run when one of these commands exits with 0." },
  onlyIf: { ...GUARD, description: "Run only when all of these commands exit with 0." },
  creates: { ...REFERENCE, description: "Not run when all of these paths exist." },
  retry: {
    type: "object",
    properties: { attempts: { type: "integer" }, interval: { type: "string" } },
    required: ["attempts"],
    additionalProperties: false,
  },
  timeout: { type: "string", description: "How long it may take: 90s, 5m." },
  order: { anyOf: [{ enum: ["first", "last"] }, { type: "integer" }] },
  failHard: { type: "boolean", description: "When it fails, nothing further begins." },
  stage: {
    description: "Where it stands when a fleet comes up, if that is another place than its state's.",
    enum: STAGES,
  },
  drift: {
    description: "What the agent does by itself when this is not so any more.",
    anyOf: [
      { enum: ["enforce", "observe", "adopt"] },
      {
        type: "object",
        properties: { handsOff: { type: "string", description: "Until this day: 2026-12-01." } },
        required: ["handsOff"],
        additionalProperties: false,
      },
    ],
  },
};

interface ObjectSchema {
  readonly properties?: Readonly<Record<string, object>>;
  readonly required?: readonly string[];
}

export function treeSchema(states: Readonly<Record<string, AnySpec>>): object {
  return {
    $schema: "http://json-schema.org/draft-07/schema#",
    title: "A tree of boma",
    type: "array",
    items: { anyOf: Object.values(states).map(itemSchema) },
  };
}

function itemSchema(spec: AnySpec): object {
  const { properties = {}, required = [] } = z.toJSONSchema(spec.params as z.ZodObject, {
    io: "input",
    target: "draft-7",
  }) as ObjectSchema;
  const { [spec.key]: key = {}, ...params } = properties;
  const filled = Object.entries(params).map(([name, schema]) => [name, orFilled(schema)]);
  const refreshes = spec.refresh !== undefined;
  const names = [...REQUISITES, ...REQUISITES_IN].filter(
    (name) => refreshes || !/^(watch|listen)(Any)?$/.test(name),
  );
  return {
    type: "object",
    description: spec.summary,
    properties: {
      [spec.name]: key,
      ...COMMON,
      ...Object.fromEntries(names.map((name) => [name, REFERENCE])),
      ...Object.fromEntries(filled),
    },
    required: [spec.name, ...required.filter((name) => name !== spec.key)],
    additionalProperties: false,
  };
}

/** Where a number or a truth value stands, `${pillar.x}` may stand as well. */
const orFilled = (schema: object): object =>
  "type" in schema && (schema.type === "string" || schema.type === "object" || schema.type === "array")
    ? schema
    : { anyOf: [schema, { type: "string", pattern: "^\\$\\{.*\\}$" }] };
