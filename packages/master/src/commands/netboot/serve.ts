import { readFileSync } from "node:fs";
import { join } from "node:path";
import { createSecureContext } from "node:tls";

import { type Command, Option } from "@commander-js/extra-typings";

import type { Client } from "../../client/client.ts";
import type { Serving } from "../../netboot/serve-netboot.ts";
import { type Output, style } from "../../print/output.ts";
import { asking, collect, example, performAsking, usage } from "../shell.ts";

export function serve(group: Command): void {
  described(group.command("serve")).action((options) =>
    performAsking(options, async (client, output) => {
      const ended = Promise.withResolvers<void>();
      for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => ended.resolve());
      await keepRenewed(client, output, options);
      const serving = await start(client, output, options);
      tellReady(output, options.address, serving);
      try {
        await Promise.race([ended.promise, serving.lost]);
      } finally {
        await serving.stop();
      }
    }),
  );
}

const described = (command: Command) =>
  asking(command)
    .description(
      "Serves the boot LAN in the foreground: boot scripts, images and loaders over HTTP and TFTP. It needs a credential with the right `netboot`, and nothing else of the master's.",
    )
    .option("--images <dir>", "where images are (default: <home>/images)")
    .option("--address <address>", "the address to listen on: the one on the boot LAN", "127.0.0.1")
    .option("--http-port <port>", "where HTTP is served", "8080")
    .option("--https-port <port>", "where the same is served over TLS, with --tls-cert and --tls-key", "8443")
    .option("--tls-cert <file>", "a certificate for the address, in PEM")
    .option("--tls-key <file>", "its private key, in PEM")
    .option("--tftp-port <port>", "where TFTP is served", "69")
    .option("--no-tftp", "no TFTP: machines come with an iPXE of their own")
    .option("--loaders <dir>", "where iPXE's files are", "/usr/lib/ipxe")
    .option("--packages <dir>", "where the agent's packages are, for machines with cloud-init")
    .option("--user-data <dir>", "the site's cloud-config: PROFILE.yaml, or default.yaml")
    .addOption(
      new Option(
        "--dhcp <mode>",
        "run dnsmasq: as `proxy` beside the site's DHCP server, or in `full`",
      ).choices(["proxy", "full"] as const),
    )
    .option("--interface <name>", "of --dhcp: the interface on the boot LAN")
    .option("--range <first,last>", "of --dhcp full: the addresses that are given out")
    .option("--router <address>", "of --dhcp full: the way out of the boot LAN")
    .option("--pi-firmware <dir>", "the firmware of Raspberry Pis: start4.elf, fixup4.dat, device trees")
    .option("--ubuntu <dir>", "of Ubuntu's installer: vmlinuz and initrd, for windows with --image ubuntu")
    .option("--ubuntu-iso <url>", "where that installer gets its system: the live server medium")
    .option("--console <device>", "the serial console of the machines, such as ttyS1 or ttyAMA0")
    .option("--append <word>", "a further word for their kernels (may be repeated)", collect, [])
    .addHelpText("after", example("boma-master netboot serve --address 10.77.0.1 --operator boot.json"));

type ServeOptions = ReturnType<ReturnType<typeof described>["opts"]>;

/** It serves for longer than a credential of the bus holds. */
async function keepRenewed(client: Client, output: Output, { home, operator }: ServeOptions): Promise<void> {
  const [{ homeAt }, { operatorPath }] = await Promise.all([
    import("../../home.ts"),
    import("../../operator-file.ts"),
  ]);
  client.keepRenewed(operatorPath(homeAt(home), operator), (error) =>
    output.note(style("yellow", `the credential could not be renewed: ${String(error)}`)),
  );
}

async function start(client: Client, output: Output, options: ServeOptions): Promise<Serving> {
  const [
    { serveNetboot },
    { readLoaders, readPackages },
    { readFirmware },
    { readUbuntu },
    { homeAt },
    { imagesDir },
  ] = await Promise.all([
    import("../../netboot/serve-netboot.ts"),
    import("../../netboot/loaders.ts"),
    import("../../netboot/pi-files.ts"),
    import("../../netboot/ubuntu-files.ts"),
    import("../../home.ts"),
    import("../../image/image-inputs.ts"),
  ]);
  return serveNetboot(client, {
    images: options.images ?? imagesDir(homeAt(options.home)),
    host: options.address,
    httpPort: readPort("--http-port", options.httpPort),
    https: httpsOf(options),
    tftpPort: options.tftp ? readPort("--tftp-port", options.tftpPort) : undefined,
    files: new Map([
      ...readLoaders(options.loaders),
      ...(options.packages === undefined ? [] : readPackages(options.packages)),
      ...(options.ubuntu === undefined ? [] : readUbuntu(options.ubuntu)),
    ]),
    userData: options.userData,
    firmware: options.piFirmware === undefined ? undefined : readFirmware(options.piFirmware),
    dhcp: dhcpOf(options, join(homeAt(options.home).dir, "netboot")),
    ubuntuIso: ubuntuIsoOf(options),
    console: options.console,
    extra: options.append.map(kernelWord).join(" "),
    say: (line) => output.line(line),
    complain: (line) => output.note(style("yellow", line)),
  });
}

function tellReady(output: Output, address: string, { httpPort, httpsPort, tftpPort, shelf }: Serving): void {
  const images = shelf.list().map(({ manifest }) => manifest.name);
  output.document({ ok: true, ready: true, httpPort, httpsPort, tftpPort, images });
  const tftp = tftpPort === undefined ? "" : `  tftp ${address}:${tftpPort}`;
  const https = httpsPort === undefined ? "" : `  https://${address}:${httpsPort}/boot.ipxe`;
  output.line(`${style("green", "ready")}  http://${address}:${httpPort}/boot.ipxe${https}${tftp}`);
  output.line(style("dim", images.length === 0 ? "no images yet" : `images: ${images.join(", ")}`));
}

interface UbuntuWords {
  readonly ubuntu?: string | undefined;
  readonly ubuntuIso?: string | undefined;
  readonly packages?: string | undefined;
}

/** It stands in a script of iPXE's, as one word of a kernel's command line. */
function ubuntuIsoOf({ ubuntu, ubuntuIso, packages }: UbuntuWords): string | undefined {
  if (ubuntu === undefined && ubuntuIso === undefined) return undefined;
  if (ubuntu === undefined || ubuntuIso === undefined || packages === undefined)
    throw usage("Ubuntu's installer needs --ubuntu, --ubuntu-iso and, for the agent, --packages");
  if (/^https?:\/\/[\w.:@/+%~-]+$/.test(ubuntuIso)) return ubuntuIso;
  throw usage(`--ubuntu-iso ${JSON.stringify(ubuntuIso)} is not the address of a medium`);
}

interface TlsWords {
  readonly httpsPort: string;
  readonly tlsCert?: string | undefined;
  readonly tlsKey?: string | undefined;
}

function httpsOf({ httpsPort, tlsCert, tlsKey }: TlsWords) {
  if (tlsCert === undefined && tlsKey === undefined) return undefined;
  if (tlsCert === undefined || tlsKey === undefined)
    throw usage("--tls-cert and --tls-key belong together: a certificate without its key says nothing");
  const [cert, key] = [readPem(tlsCert), readPem(tlsKey)];
  try {
    createSecureContext({ cert, key });
  } catch (cause) {
    throw usage(`${tlsCert} and ${tlsKey} are no certificate and its key: ${(cause as Error).message}`);
  }
  return { port: readPort("--https-port", httpsPort), cert, key };
}

function readPem(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (cause) {
    throw usage(`${path} cannot be read: ${(cause as Error).message}`);
  }
}

interface DhcpWords {
  readonly dhcp?: "proxy" | "full" | undefined;
  readonly interface?: string | undefined;
  readonly range?: string | undefined;
  readonly router?: string | undefined;
}

function dhcpOf({ dhcp: mode, interface: name, range, router }: DhcpWords, dir: string) {
  if (mode === undefined) return undefined;
  if (name === undefined) throw usage("--dhcp needs --interface NAME: on which LAN");
  const [first, last, ...more] = range?.split(",") ?? [];
  if (range !== undefined && (last === undefined || more.length > 0))
    throw usage(`--range ${range} is not FIRST,LAST`, "For example 10.77.0.100,10.77.0.200.");
  return {
    mode,
    dir,
    interface: name,
    router,
    ...(first !== undefined && last !== undefined && { range: [first, last] as const }),
  };
}

function readPort(option: string, text: string): number {
  const port = Number(text);
  if (Number.isInteger(port) && port >= 0 && port < 65_536) return port;
  throw usage(`${option} ${text} is not a port`);
}

/** It stands in a script of iPXE's: one word, and nothing that iPXE would read as its own. */
function kernelWord(word: string): string {
  if (/^[\w.,:;=@/+-]+$/.test(word)) return word;
  throw usage(`--append ${JSON.stringify(word)} is not one word of a kernel's command line`);
}
