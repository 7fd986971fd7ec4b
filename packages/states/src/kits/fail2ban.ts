/** fail2ban with what it needs to read the journal and to ban, and with a jail for sshd that works on Debian as it is. */
import type { z } from "zod";

import type { Declaration } from "../declaration.ts";
import jail from "../states/fail2ban/jail.ts";
import pkgInstalled from "../states/pkg/installed.ts";
import running from "../states/service/running.ts";

type Jail = z.input<(typeof jail)["spec"]["params"]>;
type Settings = Partial<Omit<Jail, "name">>;

export interface Fail2ban {
  /** From where the machine is administered: never banned by any jail. */
  readonly control?: readonly string[];
  /** Further networks that are never banned. */
  readonly ignore?: readonly string[];
  /** By name; `sshd` is always among them, for Debian's own would end the daemon. */
  readonly jails?: Readonly<Record<string, Settings>>;
}

export function fail2banKit({
  control = [],
  ignore = [],
  jails = {},
}: Fail2ban = {}): readonly Declaration[] {
  // Not started before it has a jail that works.
  const installed = pkgInstalled("fail2ban", {
    names: ["fail2ban", "python3-systemd"],
    startServices: false,
  });
  // A declaration of its own, for the firewall's kit has the same.
  const nft = pkgInstalled("nftables");
  const common = { control: [...control], ignore: [...new Set([...control, ...ignore])] };
  const wanted: Readonly<Record<string, Settings>> = { sshd: {}, ...jails };
  const all = Object.entries(wanted).map(([name, settings]) =>
    jail(name, {
      ...settings,
      control: common.control,
      ignore: [...new Set([...common.ignore, ...(settings.ignore ?? [])])],
      require: [installed, nft],
    }),
  );
  return [installed, nft, ...all, running("fail2ban", { require: all })];
}
