import { BomaError } from "@boma/protocol";

import { diff } from "../../changes.ts";
import { defineState } from "../../define-state.ts";
import type { ReadHost } from "../../host/host.ts";
import type { Undo } from "../../state-spec.ts";
import { makeDirectories, readIfThere, writeBelow } from "../owned-file.ts";
import { blocked } from "../user/parameters.ts";
import { joinLines } from "./authorized-keys.ts";
import {
  greets,
  hasRead,
  listeningOf,
  SERVICE,
  SOCKET,
  SOCKET_DROP_IN,
  socketText,
  takeOn,
} from "./listening.ts";
import { fingerprintOf, readPublicKey } from "./public-key.ts";
import { whyNot } from "./server-proof.ts";
import {
  CA_FILE,
  CERTIFICATE_FILE,
  doubleExtra,
  type Login,
  params,
  portsOf,
  textOf,
  type Want,
} from "./server-settings.ts";
import { DROP_IN, includesDropIns, MAIN, SEPARATION_DIR, SSHD } from "./sshd-config.ts";

interface Properties {
  /** Its drop-in. */
  readonly settings: string;
  readonly trustedCa: string;
  readonly hostCertificate: string;
  /** Where ssh.socket listens. */
  readonly socket: string;
  /** The sshd that runs knows it. */
  readonly read: boolean;
}

const EXAMPLE_GIVEN = {
  files: {
    [MAIN]: "Include /etc/ssh/sshd_config.d/*.conf\nUsePAM yes\n",
    [SSHD]: "",
    [SEPARATION_DIR]: { directory: true },
    "/etc/systemd/system": { directory: true },
  },
  services: { ssh: { active: true, enabled: true } },
  commands: {
    sh: { stdout: "pubkeyauthentication yes\n" },
    "ssh-keyscan": { stderr: "# 127.0.0.1:22 SSH-2.0-OpenSSH_9.2p1\n" },
  },
} as const;

export default defineState({
  name: "ssh.server",
  summary: "How sshd lets people in: with keys, and never so that those who must get in could not.",
  key: "name",
  platforms: ["Debian"],
  params: params.superRefine((want, context) => {
    for (const keyword of doubleExtra(want))
      context.addIssue({
        code: "custom",
        path: ["extra", keyword],
        message: "it has a parameter of its own, or none",
      });
  }),
  claims: () => [`file:${DROP_IN}`, `file:${CA_FILE}`, `file:${CERTIFICATE_FILE}`, `file:${SOCKET_DROP_IN}`],
  after: ({ must, allowGroups = [] }) => [
    "pkg:openssh-server",
    `file:${MAIN}`,
    ...must.flatMap(keysOf),
    ...allowGroups.map((group) => `group:${group}`),
  ],
  needs: (want) => portsOf(want).flatMap((port) => needsAt(port, want)),
  warnings: ({ must }) =>
    must.length > 0 ? [] : ["nobody is named in `must`: a setting may lock everybody out"],

  async check(want, host) {
    await assertThere(host);
    const { files } = host;
    const listening = await listeningOf(host);
    const is = {
      settings: await readIfThere(files, DROP_IN),
      trustedCa: await readIfThere(files, CA_FILE),
      hostCertificate: await readIfThere(files, CERTIFICATE_FILE),
      socket: await readIfThere(files, SOCKET_DROP_IN),
      read: await hasRead(want, host, listening),
    };
    const changes = diff<Properties>(is, {
      settings: textOf(want),
      trustedCa: caText(want),
      hostCertificate: certificateText(want),
      socket: listening.bySocket ? socketText(want) : undefined,
      read: true,
    });
    if (Object.keys(changes).length === 0) await assertProved(want, host);
    return changes;
  },

  blocked: whyNot,

  async apply(changes, want, host) {
    const { files } = host;
    await makeDirectories(files, SEPARATION_DIR);
    await assertProved(want, host);
    if (changes.trustedCa) await files.write(CA_FILE, changes.trustedCa.to, { mode: "0644" });
    if (changes.hostCertificate)
      await files.write(CERTIFICATE_FILE, changes.hostCertificate.to, { mode: "0644" });
    // What is not done when this is killed must still be seen: the listener follows its files.
    if (changes.settings) await writeBelow(files, DROP_IN, changes.settings.to, "0644");
    if (changes.socket) await writeBelow(files, SOCKET_DROP_IN, changes.socket.to);
    await takeOn(host, changes.socket !== undefined);
  },

  verify: greets,

  confirm: { withinMs: 90_000, undo },

  examples: [
    {
      title: "with keys only, and one person who must get in",
      key: "node",
      params: { must: [], allowGroups: ["ssh-users"], extra: { Banner: "/etc/issue.net" } },
      given: EXAMPLE_GIVEN,
    },
    {
      title: "a new port, with the old one open beside it for now",
      key: "node",
      params: { port: 2222, also: [22] },
      given: {
        ...EXAMPLE_GIVEN,
        services: { ssh: { active: false }, "ssh.socket": { active: true, enabled: true } },
      },
    },
  ],
});

/** The user and the keys of a login, as those who declare them call them: one by one, as a set, or all there is. */
const keysOf = ({ user, key }: Login): string[] => [
  `user:${user}`,
  `sshkey:${user}`,
  `sshkey:${user}#set`,
  ...(key === undefined ? [] : [`sshkey:${user}#${fingerprintOf(readPublicKey(key))}`]),
];

function needsAt(port: number, { exposure, from, must }: Want) {
  const need = { proto: "tcp", port } as const;
  const addresses = [...new Set(must.map((login) => login.from))];
  return [
    { ...need, name: "ssh", exposure, ...(from && { from }) },
    // Whoever must get in must also be let through.
    ...(addresses.length === 0 || exposure === "none"
      ? []
      : [{ ...need, name: "ssh-must", exposure: "public" as const, from: addresses }]),
  ];
}

/** An empty file trusts nobody, and says nothing; one that was never there need not be made for that. */
const caText = ({ trustedCa }: Want): string | undefined =>
  trustedCa && joinLines(trustedCa.map((key) => key.trim()));
const certificateText = ({ hostCertificate }: Want): string | undefined =>
  hostCertificate === undefined ? undefined : joinLines([hostCertificate.trim()]);

async function assertThere({ files }: ReadHost): Promise<void> {
  if (!(await files.stat(SSHD)) || !(await files.stat(MAIN)))
    throw blocked(
      "there is no sshd on this machine",
      'Declare `pkg.installed("openssh-server")` before this.',
    );
  if (!includesDropIns(await files.readText(MAIN)))
    throw blocked(
      `${MAIN} does not include /etc/ssh/sshd_config.d/*.conf, so nothing there would count`,
      "Put `Include /etc/ssh/sshd_config.d/*.conf` at its top, as Debian does since its release 11: `file.line` can.",
    );
}

async function assertProved(want: Want, host: ReadHost): Promise<void> {
  const why = await whyNot(want, host);
  if (why !== undefined)
    throw new BomaError("state/blocked", `sshd was not given these settings: ${why}`, {
      hint: "Nothing was changed by this declaration. `sshd -T -C user=…,addr=…` shows what sshd comes to.",
    });
}

async function undo(_: Want, host: ReadHost): Promise<Undo> {
  const { files } = host;
  const was = async (path: string): Promise<Undo["files"][number]> => {
    const stat = await files.stat(path);
    if (stat?.type !== "file") return { path, was: null };
    const { mode, owner, group } = stat;
    const base64 = Buffer.from(await files.readBytes(path)).toString("base64");
    return { path, was: { base64, mode, owner, group } };
  };
  const paths = [DROP_IN, CA_FILE, CERTIFICATE_FILE, SOCKET_DROP_IN];
  const kept: Undo["files"][number][] = [];
  for (const path of paths) kept.push(await was(path));
  return { files: kept, commands: await commandsBack(host) };
}

async function commandsBack(host: ReadHost): Promise<Undo["commands"]> {
  const { bySocket, runs } = await listeningOf(host);
  if (bySocket)
    return [
      ["systemctl", "daemon-reload"],
      ["systemctl", "stop", SERVICE],
      ["systemctl", "restart", SOCKET],
    ];
  // One that did not survive the settings is started anew with those of before.
  return runs ? [["systemctl", "reload-or-restart", SERVICE]] : [];
}
