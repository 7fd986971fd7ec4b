import { Refusal } from "../finding.ts";
import { hasMark } from "../marks.ts";
import type { Arg } from "../values.ts";
import {
  asText,
  flag,
  harmless,
  type Made,
  only,
  type Row,
  type Rule,
  text,
  texts,
  type Use,
  wordOf,
} from "./row.ts";

const FIELDS = ["minute", "hour", "daymonth", "month", "dayweek"] as const;

const field: Rule = (arg) => {
  if (arg.value === "random")
    throw new Refusal(
      "`random`: the time is made up on the node",
      "Say a time, or use systemd.timer.",
      arg.at,
    );
  return {};
};

/** In a crontab `%` ends the command; in boma it is only itself. */
function cronCommand({ name, at }: Use): string {
  if (/(?<!\\)%/.test(name))
    throw new Refusal(
      "a `%` in the command gives the rest to its standard input",
      "Write it by hand: in boma `%` is only itself.",
      at,
    );
  return name.replaceAll("\\%", "%");
}

function cronJob(made: Made, use: Use): Made {
  const said = (name: string): string | undefined => {
    const arg = use.args.get(name);
    return arg && arg.value !== null ? text(arg, name) : undefined;
  };
  const schedule = said("special") ?? FIELDS.map((name) => said(name) ?? "*").join(" ");
  const identifier = use.args.get("identifier")?.value;
  const id = wordOf(typeof identifier === "string" ? identifier : use.id);
  if (id === "" || hasMark(use.id))
    throw new Refusal("it has no id that could name a file", "Give it an `identifier`.", use.at);
  use.differs(
    `the job moves from the crontab of ${said("user") ?? "root"} to /etc/cron.d/${id}`,
    "Take the old line out of the crontab, or it runs twice.",
  );
  return { ...made, key: id, params: { schedule, command: cronCommand(use), ...made.params } };
}

/** What identifies a line of /etc/hosts that boma made. */
const hostId = ({ name }: Use): string => (hasMark(name) ? name : wordOf(name, /[^A-Za-z0-9._-]+/g));

const address: Rule = (arg) => {
  const ips = texts(arg, "ip");
  if (ips.length === 1) return { ip: ips[0] };
  throw new Refusal("several addresses for one name", "Give each a `hosts.entry` of its own.", arg.at);
};

function modules(made: Made, use: Use): readonly Made[] {
  const mods = use.args.get("mods");
  const params = { persist: false, ...made.params };
  return (mods ? texts(mods, "mods") : [use.name]).map((key) => ({ ...made, key, params }));
}

function hostname({ value, ...arg }: Arg): { name: string } {
  const name = text({ ...arg, value }, "hostname");
  if (name.includes("."))
    throw new Refusal(
      "the name of the machine has a domain",
      "`hostname.set` takes the short name, and `fqdn`.",
      arg.at,
    );
  return { name };
}

export const system: Readonly<Record<string, Row>> = {
  "cron.present": {
    to: "cron.job",
    key: ({ id }) => id,
    params: {
      user: asText("user"),
      ...Object.fromEntries(FIELDS.map((name) => [name, field])),
      special: harmless,
      identifier: harmless,
      comment: harmless,
      commented: only(false, "`commented` has no counterpart"),
    },
    finish: cronJob,
    late: () => true,
  },
  "sysctl.present": {
    to: "sysctl.set",
    params: {
      value: (arg) => ({
        value: Array.isArray(arg.value) ? texts(arg, "value").join(" ") : text(arg, "value"),
      }),
      config: (_, use) => {
        use.differs(
          "it is kept in a file of boma's own below /etc/sysctl.d",
          "Remove the old line where another one wins.",
        );
        return {};
      },
    },
  },
  "kmod.present": {
    to: "kernel.module",
    params: { persist: (arg) => ({ persist: flag(arg, "persist") }), mods: harmless },
    finish: modules,
    late: ({ args }) => args.has("mods"),
  },
  "host.present": {
    to: "hosts.entry",
    key: hostId,
    params: { ip: address, clean: only(false, "`clean` takes other lines away"), comment: harmless },
    finish: (made, use) => ({ ...made, params: { ...made.params, names: [use.name] } }),
  },
  "timezone.system": {
    to: "timezone.set",
    params: {
      utc: only(true, "`utc: False`: boma leaves the hardware clock alone"),
    },
  },
  "locale.system": { to: "locale.set", params: {} },
  "network.system": {
    to: "hostname.set",
    key: ({ args, at }) => {
      const arg = args.get("hostname");
      if (!arg) throw new Refusal("only the name of the machine has a counterpart", "See hostname.set.", at);
      return hostname(arg).name;
    },
    params: {
      hostname: harmless,
      apply_hostname: only(true, "the name is not set at once"),
      retain_settings: harmless,
    },
  },
};
