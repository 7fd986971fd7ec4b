/** A command as a transient unit of systemd: its own control group, its end and its output handed back. */

interface UnitOptions {
  readonly env: Readonly<Record<string, string>>;
  /** When systemd ends it. */
  readonly secondsMax?: number;
  /** Not to its end: it runs on as a service of this name. */
  readonly service?: string;
}

// systemd replaces `$NAME` and `${NAME}` in a command line; `$$` is how it is told not to.
const literal = (word: string): string => word.replaceAll("$", "$$$$");

export function unitArgv(
  argv: readonly string[],
  { env, secondsMax, service }: UnitOptions,
): readonly string[] {
  const settings = { HOME: "/root", LANG: "C.UTF-8", DEBIAN_FRONTEND: "noninteractive", ...env };
  return [
    "systemd-run",
    "--quiet",
    "--collect",
    "--service-type=exec",
    "--working-directory=/",
    ...(service === undefined
      ? ["--wait", "--pipe", `--property=RuntimeMaxSec=${secondsMax ?? "infinity"}`]
      : [`--unit=${service}`]),
    ...Object.entries(settings).map(([name, value]) => `--setenv=${name}=${value}`),
    "--",
    ...argv.map(literal),
  ];
}
