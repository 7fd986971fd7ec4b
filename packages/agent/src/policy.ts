/**
 * What this machine's owner never lets it do, whoever signs the order. The
 * files lie on the machine and are read by the agent only. One that cannot be
 * read stops every function that changes something: a fence with a hole is
 * not taken for an open field.
 */
import { readdir } from "node:fs/promises";
import { extname, join } from "node:path";

import { BomaError } from "@boma/protocol";
import { z } from "zod";

import { isMissing, messageOf, readIfThere } from "./files.ts";

export const POLICY_DIR = "/etc/boma/agent.d";
const PATTERN = /^[a-z*][a-z0-9_.*-]{0,127}$/;
const Rules = z.strictObject({
  deny: z.array(z.string().regex(PATTERN, "a function name, with * for any part")).max(256).default([]),
});
const FILE_BYTES_MAX = 64 * 1024;

export interface Policy {
  /** Throws `job/refused`, and says which file refuses. */
  check(name: string, effect: "read" | "write"): void;
  readonly problems: readonly string[];
}

export const openPolicy: Policy = { check: () => undefined, problems: [] };

export async function readPolicy(dir: string): Promise<Policy> {
  const denied: { readonly pattern: string; readonly file: string }[] = [];
  const problems: string[] = [];
  for (const name of await policyFiles(dir, problems)) {
    const file = join(dir, name);
    try {
      for (const pattern of (await readRules(file)).deny) denied.push({ pattern, file });
    } catch (thrown) {
      problems.push(`${file}: ${thrown instanceof z.ZodError ? z.prettifyError(thrown) : messageOf(thrown)}`);
    }
  }
  return {
    problems,
    check(name, effect) {
      const rule = denied.find(({ pattern }) => matches(pattern, name));
      if (rule)
        throw new BomaError(
          "job/refused",
          `${name} is denied on this node by ${rule.file} (${rule.pattern})`,
          {
            hint: "Only somebody with access to the machine can change its policy.",
          },
        );
      if (effect === "write" && problems.length > 0)
        throw new BomaError(
          "job/refused",
          `${name} changes things, and this node's policy cannot be read: ${problems[0]}`,
          {
            hint: "Mend the policy file on the machine, and restart the agent.",
          },
        );
    },
  };
}

async function policyFiles(dir: string, problems: string[]): Promise<string[]> {
  try {
    const names = await readdir(dir);
    return names
      .filter((name) => [".yaml", ".yml", ".json"].includes(extname(name)) && !name.startsWith("."))
      .sort();
  } catch (thrown) {
    if (!isMissing(thrown)) problems.push(`${dir}: ${messageOf(thrown)}`);
    return [];
  }
}

async function readRules(file: string): Promise<z.output<typeof Rules>> {
  const bytes = await readIfThere(file);
  if (!bytes) return { deny: [] };
  if (bytes.length > FILE_BYTES_MAX) throw new Error(`it is longer than ${FILE_BYTES_MAX} bytes`);
  const text = bytes.toString();
  const { parse } = await import("yaml");
  const value: unknown = file.endsWith(".json") ? JSON.parse(text) : parse(text, { maxAliasCount: 0 });
  return Rules.parse(value ?? {});
}

/** `*` stands for any run of characters. Read from left to right, so that no pattern costs more than linear time. */
export function matches(pattern: string, name: string): boolean {
  const parts = pattern.split("*");
  if (parts.length === 1) return pattern === name;
  const first = parts[0]!;
  const last = parts.at(-1)!;
  if (!name.startsWith(first) || !name.endsWith(last) || name.length < first.length + last.length)
    return false;
  let at = first.length;
  const end = name.length - last.length;
  for (const part of parts.slice(1, -1)) {
    const found = name.indexOf(part, at);
    if (found < 0 || found + part.length > end) return false;
    at = found + part.length;
  }
  return true;
}
