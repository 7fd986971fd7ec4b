/** Parameters that the states of files have in common. */
import { z } from "zod";

const PATH = /^\/(?!.*\/\/)(?!(.*\/)?\.\.?(\/|$))[^\0]*$/;

export const Path = z
  .string()
  .max(4095)
  .regex(PATH, "a path is absolute, with no empty, `.` or `..` part")
  .refine((path) => path === "/" || !path.endsWith("/"), "a path does not end with a slash")
  .describe("Where it is.");
export const Mode = z
  .string()
  .regex(/^[0-7]{4}$/, 'four octal digits as text: "0644"')
  .describe("Permissions in octal, as text: 0644.");
const ACCOUNT = /^([a-z_][a-z0-9_.-]{0,31}\$?|\d{1,10})$/i;
export const Owner = z.string().regex(ACCOUNT, "a user's name or number").describe("The user it belongs to.");
export const Group = z
  .string()
  .regex(ACCOUNT, "a group's name or number")
  .describe("The group it belongs to.");

/** Every directory above a path: whoever declares one of them comes first. */
export function aboveOf(path: string): string[] {
  const parts = path.split("/").slice(1, -1);
  return parts.map((_, index) => `file:/${parts.slice(0, index + 1).join("/")}`);
}

export const CreateDirs = z
  .boolean()
  .default(false)
  .describe("Make the directories above it that are not there, with mode 0755.");
export const Base64 = z.base64().describe("The whole content as base64, for what is no text.");
const INSIDE = /^(?!\/)(?!(.*\/)?\.\.?(\/|$))(?!.*\/\/)[^\0]+(?<!\/)$/;
/** A path below another: it cannot leave it. */
export const Inside = z
  .string()
  .max(4095)
  .regex(INSIDE, "a path below the directory, with no empty, `.` or `..` part");
export const Source = Inside.describe("A file of the site that holds the content: `files/motd`.");
export const MaxDelete = z
  .int()
  .min(0)
  .max(100_000)
  .default(10)
  .describe("Refuse when `exclusive` would remove more than so many things.");
