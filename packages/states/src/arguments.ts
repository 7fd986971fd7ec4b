import { BomaError, closest } from "@boma/protocol";
import type { z } from "zod";

import { type AnyFunction, checkArguments } from "./define-function.ts";
import { describeFunction, type FunctionDoc } from "./describe.ts";

/**
 * Words of a command line become a function's arguments by its schema: a word
 * stays text where text is wanted, and is read as a number, a truth value or
 * JSON only where the schema wants that. Nothing is guessed from the word alone.
 * Behind `--` no word is a name.
 */
export function readArguments(spec: AnyFunction, words: readonly string[]): Record<string, unknown> {
  const doc = describeFunction(spec);
  const args: Record<string, unknown> = {};
  const rest: string[] = [];
  const dashes = words.indexOf("--");
  const ahead = dashes === -1 ? words : words.slice(0, dashes);
  for (const word of ahead) {
    const named = namedArgument(word, doc);
    if (named && Object.hasOwn(args, named.name))
      throw new BomaError("function/arguments", `${doc.name} was given \`${named.name}\` twice`);
    if (named) args[named.name] = readValue(spec, named.name, named.value);
    else rest.push(word);
  }
  if (dashes !== -1) rest.push(...words.slice(dashes + 1));
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
      args[name] = readList(spec, name, rest.slice(next));
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
  const schema = schemaOf(spec, name);
  for (const value of [text, readJson(text), [text]]) if (schema.safeParse(value).success) return value;
  return text;
}

/** The same for all the words that are left: a list of texts, or else of what they say as JSON. */
function readList(spec: AnyFunction, name: string, words: readonly string[]): readonly unknown[] {
  const schema = schemaOf(spec, name);
  if (schema.safeParse(words).success) return words;
  const values = words.map(readJson);
  return schema.safeParse(values).success ? values : words;
}

const schemaOf = (spec: AnyFunction, name: string): z.ZodType =>
  (spec.params as z.ZodObject).shape[name] as z.ZodType;

/** A word that is not JSON stays what it is: it may still be a member of a list. */
function readJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
