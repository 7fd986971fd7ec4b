/** passwd, group and shadow as text: what is an account becomes one, what is not is named and passed over. */

export interface PasswdLine {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
  readonly comment: string;
  readonly home: string;
  readonly shell: string;
}
export interface GroupLine {
  readonly name: string;
  readonly gid: number;
  readonly members: readonly string[];
}
export interface ShadowLine {
  readonly name: string;
  readonly password: string;
  readonly expires: number | undefined;
}

export interface Read<T> {
  readonly lines: readonly T[];
  /** `3: …`, with the number of the line; the text of a shadow line is not repeated. */
  readonly oddities: readonly string[];
}

/** Enough for a machine with every student of a university; what comes after is an oddity. */
const LINES_MAX = 200_000;
const ODDITIES_MAX = 100;
const ID_MAX = 4_294_967_294;

export const readPasswd = (text: string): Read<PasswdLine> =>
  readLines(text, 7, ([name, , uid, gid, comment, home, shell]) => {
    const ids = [numberOf(uid), numberOf(gid)] as const;
    if (ids[0] === undefined || ids[1] === undefined) return undefined;
    return { name: name!, uid: ids[0], gid: ids[1], comment: comment!, home: home!, shell: shell! };
  });

export const readGroup = (text: string): Read<GroupLine> =>
  readLines(text, 4, ([name, , gid, members]) => {
    const number = numberOf(gid);
    if (number === undefined) return undefined;
    return { name: name!, gid: number, members: members!.split(",").filter((member) => member !== "") };
  });

export const readShadow = (text: string): Read<ShadowLine> =>
  readLines(text, 9, ([name, password, , , , , , expires]) => ({
    name: name!,
    password: password!,
    expires: numberOf(expires),
  }));

function readLines<T extends { readonly name: string }>(
  text: string,
  fields: number,
  read: (parts: readonly string[]) => T | undefined,
): Read<T> {
  const found = new Map<string, T>();
  const oddities: string[] = [];
  const odd = (index: number, why: string): void => {
    if (oddities.length < ODDITIES_MAX) oddities.push(`${index + 1}: ${why}`);
  };
  for (const [index, line] of text.split("\n").entries()) {
    if (line === "") continue;
    if (index >= LINES_MAX) {
      odd(index, "this line and those after it are beyond what is read");
      break;
    }
    const parts = line.split(":");
    const whole = parts.length === fields && isName(parts[0]!) ? read(parts) : undefined;
    if (!whole) odd(index, "is not an entry");
    // The machine itself takes the first of two.
    else if (found.has(whole.name)) odd(index, `${whole.name} is there already`);
    else found.set(whole.name, whole);
  }
  return { lines: [...found.values()], oddities };
}

// Lines that begin with + or - belong to NIS, and are no accounts.
const isName = (name: string): boolean => /^[^\s,+~/\p{C}-][^\s,/\p{C}]{0,255}$/u.test(name);

function numberOf(text: string | undefined): number | undefined {
  if (text === undefined || !/^\d{1,10}$/.test(text)) return undefined;
  const number = Number(text);
  return number <= ID_MAX ? number : undefined;
}
