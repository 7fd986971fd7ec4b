/** Settings of a daemon as its own file holds them, and how two of them differ. */
import { isSame } from "../../changes.ts";

export type Settings = Readonly<Record<string, unknown>>;

/** Every setting by its path, such as `ports.http`. */
export function leavesOf(settings: Settings, above = ""): Map<string, unknown> {
  const leaves = new Map<string, unknown>();
  for (const [name, value] of Object.entries(settings)) {
    const path = `${above}${name}`;
    const isRecord = typeof value === "object" && value !== null && !Array.isArray(value);
    if (!isRecord) leaves.set(path, value);
    else for (const [below, leaf] of leavesOf(value as Settings, `${path}.`)) leaves.set(below, leaf);
  }
  return leaves;
}

/** The paths at which they say something else. */
export function changedIn(before: Settings, after: Settings): readonly string[] {
  const was = leavesOf(before);
  const is = leavesOf(after);
  return [...new Set([...was.keys(), ...is.keys()])].filter((path) => !isSame(was.get(path), is.get(path)));
}

/** Whether a path is one of these, or below one. */
export const isAmong = (path: string, some: readonly string[]): boolean =>
  some.some((one) => path === one || path.startsWith(`${one}.`));

/** The same without what is not said; a part of which nothing is left goes too. */
export function without<T extends object>(settings: T): Settings {
  const kept: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(settings)) {
    const isRecord = typeof value === "object" && value !== null && !Array.isArray(value);
    const held: unknown = isRecord ? without(value as object) : value;
    const isEmpty = isRecord && Object.keys(held as object).length === 0;
    if (held !== undefined && !isEmpty) kept[name] = held;
  }
  return kept;
}
