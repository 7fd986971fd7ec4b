import { Refusal } from "../finding.ts";
import { hasMark } from "../marks.ts";
import type { Arg } from "../values.ts";
import {
  asText,
  harmless,
  type Made,
  number,
  only,
  type Row,
  type Rule,
  text,
  texts,
  type Use,
} from "./row.ts";

const environment: Rule = (arg) => {
  const maps = Array.isArray(arg.value) ? arg.value : [arg.value];
  const env: Record<string, string> = {};
  for (const map of maps) {
    if (typeof map !== "object" || map === null || Array.isArray(map))
      throw new Refusal("`env` is no map", "Write `- env: [{NAME: value}]`.", arg.at);
    for (const [name, value] of Object.entries(map)) {
      if (typeof value !== "string" || hasMark(name))
        throw new Refusal(
          `the variable ${name} is no text`,
          "Put its value in quotes; Salt wants that, too.",
          arg.at,
        );
      env[name] = value;
    }
  }
  return { env };
};

const codes: Rule = (arg) => ({
  successCodes: [...new Set([0, ...texts(arg, "success_retcodes").map(Number)])],
});

const params: Readonly<Record<string, Rule>> = {
  cwd: asText("cwd"),
  runas: asText("user"),
  env: environment,
  shell: (arg) => ({ shell: text(arg, "shell") }),
  timeout: (arg) => ({ timeout: `${number(arg, "timeout")}s` }),
  success_retcodes: codes,
  stdin: asText("stdin"),
  hide_output: quiet,
  output_loglevel: quiet,
  use_vt: only(false, "`use_vt` has no counterpart: a command has no terminal"),
  bg: only(false, "`bg`: boma does not leave a command running; use a unit of systemd"),
  python_shell: harmless,
  stateful: only(false, "`stateful`: boma does not read what a command prints; `check` says when it is done"),
  ignore_timeout: only(false, "`ignore_timeout` has no counterpart"),
};

function quiet({ value }: Arg, use: Use): Record<string, never> {
  if (value !== false && value !== "debug")
    use.differs(
      "what it prints is kept in the result",
      "Let it print nothing; a secret is hidden wherever it is printed.",
    );
  return {};
}

/** The command, where it is not the id itself: then the id says what it is for. */
function command(made: Made, use: Use): Made {
  const { shell, ...rest } = made.params;
  if (rest["user"] !== undefined && rest["cwd"] === undefined)
    use.differs("Salt runs it in the home of that user", "Say `cwd` where the command counts on it.");
  for (const guard of ["unless", "onlyif", "creates"])
    if (use.args.has(guard) && guard !== "creates") guardAsSalt(rest, use, guard);
  const words = typeof shell === "string" && shell !== "/bin/sh" ? [shell, "-c", use.name] : use.name;
  const how = Array.isArray(words)
    ? { command: words }
    : { ...(use.name !== use.id && { command: words }), shell: true };
  return { ...made, key: use.id, params: { ...how, ...rest } };
}

/** Salt asks its guards as the same user, in the same place; boma as the agent. */
function guardAsSalt(params: Record<string, unknown>, use: Use, guard: string): void {
  const [name] = ["user", "env", "cwd"].filter((one) => params[one] !== undefined);
  if (name === undefined) return;
  throw new Refusal(
    `\`${guard}\` together with \`${name === "user" ? "runas" : name}\`: boma asks it as the agent, without them`,
    "`check` of cmd.run is asked with them; or write it into the guard.",
    use.args.get(guard)!.at,
  );
}

export const cmd: Readonly<Record<string, Row>> = {
  "cmd.run": { to: "cmd.run", key: ({ id }) => id, params, finish: command },
  "cmd.wait": {
    to: "cmd.run",
    key: ({ id }) => id,
    params,
    finish: command,
    watch: "only-then",
    onlyAfter: true,
  },
};
