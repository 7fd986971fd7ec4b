/** `job.*`, `node.enrolled`, `*`: a star stands for any text. */
export function kindPattern(pattern: string): (kind: string) => boolean {
  const parts = pattern.split("*");
  if (parts.length === 1) return (kind) => kind === pattern;
  const [first = "", last = ""] = [parts[0], parts.at(-1)];
  return (kind) => {
    if (kind.length < first.length + last.length || !kind.startsWith(first) || !kind.endsWith(last))
      return false;
    let at = first.length;
    for (const middle of parts.slice(1, -1)) {
      const found = kind.indexOf(middle, at);
      if (found < 0 || found + middle.length > kind.length - last.length) return false;
      at = found + middle.length;
    }
    return true;
  };
}
