import { z } from "zod";

import { diff } from "../../changes.ts";
import { defineState } from "../../define-state.ts";
import type { ReadHost } from "../../host/host.ts";
import { withLoopback } from "../hosts/loopback.ts";
import { HostName } from "../hosts/parameters.ts";
import { managedText, readIfThere } from "../owned-file.ts";

const FILE = "/etc/hostname";
const HOSTS = "/etc/hosts";
const CLOUD = "/etc/cloud/cloud.cfg.d";
/** Without it cloud-init names the machine anew at every boot. */
const CLOUD_FILE = `${CLOUD}/99-boma-hostname.cfg`;
const CLOUD_TEXT = managedText("preserve_hostname: true\nmanage_etc_hosts: false\n");

interface Want {
  readonly name: string;
  readonly fqdn?: string | undefined;
  readonly hostsLine: boolean;
}

export default defineState({
  name: "hostname.set",
  summary: "The name of the machine, now and after every boot.",
  key: "name",
  params: z.strictObject({
    name: HostName.describe("The name: web01."),
    fqdn: HostName.optional().describe("The whole name, for /etc/hosts: web01.example.org."),
    hostsLine: z
      .boolean()
      .default(true)
      .describe(
        "Keep a line for 127.0.1.1 in /etc/hosts, unless the name stands there with an address of its own.",
      ),
  }),
  claims: () => ["hostname", `file:${FILE}`, `file:${HOSTS}#hostname`, `file:${CLOUD_FILE}`],

  async check(want, host) {
    const is = {
      file: (await readIfThere(host.files, FILE))?.trim(),
      live: await host.machine.hostname(),
      hosts: await readIfThere(host.files, HOSTS),
      cloud: await readIfThere(host.files, CLOUD_FILE),
    };
    return diff(is, {
      file: want.name,
      live: want.name,
      hosts: hostsText(want, is.hosts),
      cloud: await cloudText(host),
    });
  },

  async apply({ file, live, hosts, cloud }, _want, { files, machine }) {
    if (cloud) await files.write(CLOUD_FILE, cloud.to);
    // A name that cannot be resolved makes programs wait: it is in the file before it is used.
    if (hosts) await files.write(HOSTS, hosts.to);
    if (file) await files.write(FILE, `${file.to}\n`);
    if (live) await machine.setHostname(live.to);
  },

  examples: [
    {
      title: "a machine that was called otherwise",
      key: "web01",
      params: { fqdn: "web01.example.org" },
      given: {
        machine: { hostname: "debian" },
        files: {
          "/etc/hostname": "debian\n",
          "/etc/hosts": "127.0.0.1\tlocalhost\n127.0.1.1\tdebian\n\n::1\tlocalhost ip6-localhost\n",
        },
      },
    },
    {
      title: "a machine that cloud-init has set up",
      key: "web01",
      given: {
        machine: { hostname: "ip-10-0-0-7" },
        files: {
          "/etc/hostname": "ip-10-0-0-7\n",
          "/etc/hosts": "127.0.0.1 localhost\n",
          "/etc/cloud/cloud.cfg.d": { directory: true },
        },
      },
    },
  ],
});

const hostsText = ({ name, fqdn, hostsLine }: Want, now = "127.0.0.1\tlocalhost\n"): string | undefined =>
  hostsLine ? withLoopback(now, fqdn === undefined || fqdn === name ? [name] : [fqdn, name]) : undefined;

const cloudText = async ({ files }: ReadHost): Promise<string | undefined> =>
  (await files.stat(CLOUD)) ? CLOUD_TEXT : undefined;
