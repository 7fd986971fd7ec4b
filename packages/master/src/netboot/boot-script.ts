/** What iPXE is told. Everything in it that came from a machine was read by a schema before. */
import type { BootAnswer } from "./netboot.ts";

/** How long a machine that may not boot waits before it asks again. */
const AGAIN_S = 10;

/**
 * The first script, the same for every machine: it says who it is, and asks for its
 * own. `netX` is the card that it boots from, which need not be the first.
 */
export const ENTRY_SCRIPT = `#!ipxe
:ask
chain --replace /script?mac=\${netX/mac:hexhyp}&uuid=\${uuid}&serial=\${serial:uristring}&arch=\${buildarch} ||
echo boma: no answer from the boot service, asking again
sleep ${AGAIN_S}
goto ask
`;

export interface Served {
  readonly image: string;
  readonly console: string | undefined;
  readonly extra: string;
}

type Booting = Extract<BootAnswer, { boots: true }>;

/** What the kernel is told, whoever loads it. */
export const kernelWords = (
  mac: string,
  { token, node, time, install }: Booting,
  { console, extra }: Pick<Served, "console" | "extra">,
): readonly string[] => [
  "panic=30",
  ...(console === undefined ? [] : [`console=${console}`]),
  ...(extra === "" ? [] : [extra]),
  ...(node === undefined ? [] : [`boma.id=${node}`]),
  ...(install ? ["boma.install"] : []),
  `boma.token=${token}`,
  `boma.time=${time}`,
  `BOOTIF=01-${mac.replaceAll(":", "-")}`,
];

/** The token is a word of the kernel's command line: one use, ten minutes, this machine. */
export function bootScript(mac: string, answer: Booting, { image, console, extra }: Served): string {
  const words = ["initrd=initrd", ...kernelWords(mac, answer, { console, extra })];
  // With its address in the path the machine says for itself which one fetches what. iPXE takes what stands before a
  // colon for a scheme, wherever it is.
  const at = `/image/${image}/${mac.replaceAll(":", "-")}`;
  return `#!ipxe
echo boma: ${mac} boots ${image}
imgfree
kernel ${at}/kernel ${words.join(" ")} || goto again
initrd --name initrd ${at}/initrd || goto again
boot || goto again
:again
echo boma: the image did not load, asking again
sleep ${AGAIN_S}
chain --replace /boot.ipxe
`;
}

/** Ubuntu's own kernel and installer. `at` is where this machine's answers are. */
export const ubuntuScript = (
  mac: string,
  { at, iso, console, extra }: Omit<Served, "image"> & { readonly at: string; readonly iso: string },
): string => {
  const words = [
    "initrd=initrd ip=dhcp",
    ...(console === undefined ? [] : [`console=${console}`]),
    ...(extra === "" ? [] : [extra]),
    `BOOTIF=01-${mac.replaceAll(":", "-")} url=${iso} autoinstall cloud-config-url=/dev/null`,
    `ds=nocloud-net;s=${at}/`,
  ];
  return `#!ipxe
echo boma: ${mac} boots Ubuntu's installer
imgfree
kernel /ubuntu/vmlinuz ${words.join(" ")} || goto again
initrd --name initrd /ubuntu/initrd || goto again
boot || goto again
:again
echo boma: the installer did not load, asking again
sleep ${AGAIN_S}
chain --replace /boot.ipxe
`;
};

/** Back to the firmware, which goes on to what comes after the network. */
export const diskScript = (mac: string, why: string): string => `#!ipxe
echo boma: ${mac}: ${printable(why)}
exit
`;

/** Whoever stands before it sees why, and need do nothing here once it is put right. */
export const waitScript = (mac: string, why: string): string => `#!ipxe
echo boma: ${mac} does not boot: ${printable(why)}
echo boma: boma-master netboot open --mac ${mac}
sleep ${AGAIN_S}
chain --replace /boot.ipxe
`;

/** The master, and not the machine, is what is waited for. */
export const AWAY_SCRIPT = `#!ipxe
echo boma: the master does not answer, asking again
sleep ${AGAIN_S}
chain --replace /boot.ipxe
`;

/** iPXE would expand `\${…}`, end the line, or begin another command. */
const printable = (text: string): string => text.replace(/[^A-Za-z0-9 .,:;'_()/-]/g, " ").slice(0, 200);
