import { Refusal } from "../finding.ts";
import { hasMark } from "../marks.ts";
import {
  asFlag,
  asNumber,
  asText,
  asTexts,
  flag,
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

const DAY_MS = 86_400_000;

const expires: Rule = (arg) => {
  const days = number({ ...arg, value: arg.value === -1 ? 0 : arg.value }, "expire");
  if (arg.value === -1) return { expires: "never" };
  if (typeof days !== "number" || days > 2_900_000)
    throw new Refusal("`expire` is no number of days", "`expires` is a date: 2027-01-31.", arg.at);
  return { expires: new Date(days * DAY_MS).toISOString().slice(0, 10) };
};

const password: Rule = (arg, use) => {
  use.note(
    "the hash of the password stands in the tree",
    "`password: !secret file:…` keeps it out of sight.",
  );
  return { password: text(arg, "password") };
};

function present(made: Made, use: Use): Made {
  const own = { ...made.params } as Record<string, unknown>;
  // Salt takes a user out of all groups that are not said, unless it is told not to.
  if ("groups" in own && use.args.get("remove_groups")?.value !== false) own["exclusiveGroups"] = true;
  if (own["system"] === true && !("createHome" in own)) own["createHome"] = true;
  if (own["createHome"] !== false)
    use.note("a home that is made has mode 0700", "`homeMode` says another one.");
  return { ...made, params: own };
}

function members(made: Made): Made {
  const { add, all, ...params } = made.params as { add?: unknown; all?: unknown };
  if (add !== undefined && all !== undefined)
    throw new Refusal("`members` and `addusers` at once", "Salt would refuse it, too.");
  if (all !== undefined) return { ...made, params: { ...params, members: all, exclusiveMembers: true } };
  return add === undefined ? made : { ...made, params: { ...params, members: add } };
}

const KINDS =
  "ssh-rsa|ssh-dss|ssh-ed25519|ecdsa-sha2-nistp\\d+|sk-ssh-ed25519@openssh\\.com|sk-ecdsa-sha2-nistp256@openssh\\.com";
const WHOLE_KEY = new RegExp(`^(${KINDS})\\s+(\\S+)(?:\\s+(.*))?$`);

/** Salt takes a key as one line, or in parts. */
function keyLine(given: string, use: Use): { readonly line: string; readonly comment: string } {
  const [, kind, key, words = ""] = WHOLE_KEY.exec(given.trim()) ?? [];
  const said = use.args.get("comment");
  if (kind !== undefined)
    return { line: [kind, key, words].filter((word) => word !== "").join(" "), comment: words };
  if (/\s/.test(given) || hasMark(given))
    throw new Refusal("the key is no plain line", "Write `ssh.key` by hand.", use.at);
  const enc = use.args.get("enc");
  const comment = said ? text(said, "comment") : "";
  return {
    line: [enc ? text(enc, "enc") : "ssh-rsa", given, comment].filter((word) => word !== "").join(" "),
    comment,
  };
}

const keyParams: Readonly<Record<string, Rule>> = {
  user: asText("user"),
  enc: harmless,
  comment: harmless,
  options: asTexts("options"),
  config: (arg) => {
    if (arg.value === ".ssh/authorized_keys" || arg.value === "%h/.ssh/authorized_keys") return {};
    throw new Refusal("`config`: another file of keys", "boma writes ~/.ssh/authorized_keys.", arg.at);
  },
  source: (arg) => {
    throw new Refusal(
      "the keys are in a file of Salt's",
      "Write each with ssh.key, or all with ssh.keys.",
      arg.at,
    );
  },
};

function sshKey(made: Made, use: Use): Made {
  if (!("user" in made.params))
    throw new Refusal("there is no `user`", "Say as whom the key logs in.", use.at);
  const { line, comment } = keyLine(use.name, use);
  const what =
    use.name === use.id ? comment || `${line.split(" ")[0]} …${line.split(" ")[1]!.slice(-12)}` : use.id;
  const several = use.args.has("names") || comment === "" ? "" : ` (${comment})`;
  const key = use.name === use.id ? `${what} of ${String(made.params["user"])}` : `${what}${several}`;
  return { ...made, key, params: { ...made.params, key: line } };
}

export const user: Readonly<Record<string, Row>> = {
  "user.present": {
    to: "user.present",
    params: {
      uid: asNumber("uid"),
      gid: (arg) => ({ group: text(arg, "gid") }),
      groups: asTexts("groups"),
      remove_groups: harmless,
      home: asText("home"),
      createhome: asFlag("createHome"),
      shell: asText("shell"),
      fullname: asText("comment"),
      password,
      enforce_password: only(true, "`enforce_password: False` has no counterpart"),
      hash_password: only(false, "`hash_password`: boma takes hashes only"),
      system: asFlag("system"),
      expire: expires,
      usergroup: only(true, "`usergroup: False` has no counterpart: say `group`"),
      unique: only(true, "`unique: False` has no counterpart"),
      allow_uid_change: asFlag("changeUid"),
      allow_gid_change: harmless,
      gid_from_name: (arg, use) => (flag(arg, "gid_from_name") === true ? { group: use.name } : {}),
    },
    finish: present,
  },
  "user.absent": {
    to: "user.absent",
    params: {
      purge: asFlag("removeHome"),
      force: only(
        false,
        "`force`: boma removes no user who has processes, but may end them first (`endProcesses`)",
      ),
    },
  },
  "group.present": {
    to: "group.present",
    params: {
      gid: (arg, use) => {
        use.differs(
          "a group that has another number already is left alone, and it fails",
          "`changeGid: true` does as Salt does.",
        );
        return { gid: number(arg, "gid") };
      },
      system: asFlag("system"),
      members: (arg) => ({ all: texts(arg, "members") }),
      addusers: (arg) => ({ add: texts(arg, "addusers") }),
    },
    finish: members,
  },
  "group.absent": { to: "group.absent", params: {} },
  "ssh_auth.present": { to: "ssh.key", params: keyParams, finish: sshKey, late: () => true },
  "ssh_auth.absent": {
    to: "ssh.key",
    params: keyParams,
    always: { present: false },
    finish: sshKey,
    late: () => true,
  },
  "ssh_auth.manage": {
    to: "ssh.keys",
    key: ({ args, at }) => {
      const arg = args.get("user");
      if (!arg) throw new Refusal("there is no `user`", "Say as whom the keys log in.", at);
      return text(arg, "user");
    },
    params: {
      user: harmless,
      ssh_keys: (arg, use) => ({ keys: texts(arg, "ssh_keys").map((key) => keyLine(key, use).line) }),
      enc: harmless,
      comment: harmless,
    },
    always: { exclusive: true },
  },
};
