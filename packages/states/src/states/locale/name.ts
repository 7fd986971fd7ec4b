/** Names of locales: `en_US.UTF-8` in a file is `en_US.utf8` to a program, and the same. */

const NAME = /^([a-z]{2,3}(_[A-Z]{2})?|C|POSIX)(\.[A-Za-z0-9-]+)?(@[a-z]+)?$/;

export const isLocale = (name: string): boolean => NAME.test(name);

/** The spelling in which two names of one locale are equal. */
export function canonical(name: string): string {
  const [, base = "", codeset, modifier = ""] = /^([^.@]*)(?:\.([^@]*))?(@.*)?$/.exec(name) ?? [];
  const plain = codeset?.toLowerCase().replace(/[^a-z0-9]/g, "");
  return `${base}${plain === undefined ? "" : `.${plain}`}${modifier}`;
}

/** These every machine has. */
export const isBuiltIn = (name: string): boolean => ["C", "POSIX", "C.utf8"].includes(canonical(name));
