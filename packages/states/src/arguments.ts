import { BomaError, closest } from "@boma/protocol";
import { z } from "zod";

import { type AnyFunction, checkArguments } from "./define-function.ts";
import { describeFunction, type FunctionDoc } from "./describe.ts";

/**
 * Words of a command line become a function's arguments by its schema: a word
 * stays text where text is wanted, and is read as a number, a truth value or
 * JSON only where the schema wants that. Nothing is guessed from the word alone.
 */
export function readArguments(spec: AnyFunction, words: readonly string[]): Record<string, unknown> {
  const doc = describeFunction(spec);
  const args: Record<string, unknown> = {};
  const rest: string[] = [];
  for (const word of words) {
    const named = namedArgument(word, doc);
    if (named) args[named.name] = readValue(spec, named.name, named.value);
    else rest.push(word);
  }
  assignPositional(spec, doc, { rest, args });
  return checkArguments(spec, args);
}

const NAME = /^([A-Za-z_][\w-]*)=(.*)$/s;

function namedArgument(word: string, doc: FunctionDoc): { name: string; value: string } | undefined {
  const [, name, value] = NAME.exec(word) ?? [];
  if (name === undefined || value === undefined) return undefined;
  const names = doc.parameters.map((parameter) => parameter.name);
  if (names.includes(name)) return { name, value };
  // `cmd.run 'A=1 env'` or `test.echo a=b` are words of their own; a near miss of a parameter's name is a typo.
  if (!takesWords(doc) || closest(name, names) !== undefined) throw unknownParameter(name, doc);
  return undefined;
}

const takesWords = (doc: FunctionDoc): boolean => doc.positional.length > 0;

function unknownParameter(name: string, doc: FunctionDoc): BomaError {
  const names = doc.parameters.map((parameter) => parameter.name);
  const near = closest(name, names);
  const known =
    names.length === 0 ? `${doc.name} takes no arguments.` : `${doc.name} takes: ${names.join(", ")}.`;
  return new BomaError("function/arguments", `${doc.name} has no argument \`${name}\``, {
    hint: near === undefined ? known : `Did you mean \`${near}\`? ${known}`,
  });
}

function assignPositional(
  spec: AnyFunction,
  doc: FunctionDoc,
  { rest, args }: { rest: readonly string[]; args: Record<string, unknown> },
): void {
  let next = 0;
  for (const name of doc.positional) {
    if (Object.hasOwn(args, name) || next >= rest.length) continue;
    const isList = doc.parameters.find((parameter) => parameter.name === name)?.type.startsWith("list of");
    if (isList) {
      args[name] = rest.slice(next);
      next = rest.length;
    } else args[name] = readValue(spec, name, rest[next++]!);
  }
  if (next < rest.length)
    throw new BomaError(
      "function/arguments",
      `${doc.name} does not take the word ${JSON.stringify(rest[next])}`,
      {
        hint:
          doc.positional.length === 0
            ? `Write key=value, or see \`boma-master doc ${doc.name}\`.`
            : `Without names it takes: ${doc.positional.join(", ")}.`,
      },
    );
}

/** The text itself where the schema takes it; else what it says as JSON, where the schema takes that. */
function readValue(spec: AnyFunction, name: string, text: string): unknown {
  const schema = (spec.params as z.ZodObject).shape[name] as z.ZodType;
  if (schema.safeParse(text).success) return text;
  try {
    const value: unknown = JSON.parse(text);
    if (schema.safeParse(value).success) return value;
  } catch {
    // Not JSON: a single word may still be the only member of a list.
  }
  return schema.safeParse([text]).success ? [text] : text;
}
