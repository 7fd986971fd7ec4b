import type { z } from "zod";

import { describeParameters, type ParameterDoc } from "./describe.ts";
import type { AnySpec, Example } from "./state-spec.ts";

/** A state as documents, help and completion show it; everything comes from its schema and its examples. */
export interface StateDoc {
  readonly name: string;
  readonly summary: string;
  /** The parameter that names the thing. */
  readonly key: string;
  readonly parameters: readonly ParameterDoc[];
  /** It can be watched with: a change elsewhere refreshes it. */
  readonly refreshes: boolean;
  /** It works below `--root`. */
  readonly confinable: boolean;
  /** The families of systems that it works on; none where it works on all. */
  readonly platforms: readonly string[];
  /** Parameters in which a secret may stand. */
  readonly secretive: readonly string[];
  readonly examples: readonly {
    readonly title: string;
    readonly typescript: string;
    readonly yaml: string;
  }[];
}

export function describeState(spec: AnySpec): StateDoc {
  const { name, summary, key, examples } = spec;
  return {
    name,
    summary,
    key,
    parameters: describeParameters(spec.params as z.ZodObject),
    refreshes: spec.refresh !== undefined,
    confinable: spec.confinable ?? false,
    platforms: spec.platforms ?? [],
    secretive: spec.secretive ?? [],
    examples: examples.map((example) => ({
      title: example.title,
      typescript: inTypeScript(name, example),
      yaml: inYaml(name, example),
    })),
  };
}

function inTypeScript(name: string, { key, params = {} }: Example): string {
  const given = Object.entries(params).map(([param, value]) => `${param}: ${JSON.stringify(value)}`);
  return `${name}(${[JSON.stringify(key), ...(given.length > 0 ? [`{ ${given.join(", ")} }`] : [])].join(", ")})`;
}

/** JSON is YAML, so that values need no other writer. */
const inYaml = (name: string, { key, params = {} }: Example): string =>
  [
    `- ${name}: ${plain(key)}`,
    ...Object.entries(params).map(([param, value]) => `  ${param}: ${plain(value)}`),
  ].join("\n");

const PLAIN = /^[\w/.][\w/. @+-]*$/;

const plain = (value: unknown): string =>
  typeof value === "string" &&
  PLAIN.test(value) &&
  !/^[\d.+-]|^(true|false|null|yes|no|on|off|~)$/i.test(value)
    ? value
    : JSON.stringify(value);
