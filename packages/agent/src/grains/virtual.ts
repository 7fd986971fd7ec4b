/** On what this system runs: bare metal, a virtual machine, or a container. */
import { assignments, clean, type Collector, type Source } from "./source.ts";

/** How the makers of virtual machines name themselves in DMI; the first that fits counts. */
const VIRTUAL_VENDORS: readonly (readonly [string, string])[] = [
  ["qemu", "qemu"],
  ["kvm", "kvm"],
  ["openstack", "kvm"],
  ["hetzner vserver", "kvm"],
  ["digitalocean", "kvm"],
  ["google compute engine", "kvm"],
  ["firecracker", "kvm"],
  ["vmware", "vmware"],
  ["virtualbox", "virtualbox"],
  ["innotek", "virtualbox"],
  ["microsoft corporation virtual machine", "hyperv"],
  ["parallels", "parallels"],
  ["bhyve", "bhyve"],
  ["bochs", "bochs"],
  ["apple virtualization", "apple"],
  ["xen", "xen"],
];

const ENVIRON_BYTES_MAX = 64 * 1024;

/** The kernel's fixed number of the namespace that pid 1 of the machine itself lives in. */
const FIRST_PID_NAMESPACE = "pid:[4026531836]";

export const virtual: Collector = {
  name: "virtual",
  collect: async (source) => {
    const [container, machine] = await Promise.all([containerKind(source), machineKind(source)]);
    return { virtual: container === undefined ? machine : `container:${container}` };
  },
};

/** What kind of container this is, if it is one: its /sys shows the hardware of another. */
export async function containerKind(source: Source): Promise<string | undefined> {
  const [told, environ, docker, podman, namespace, release] = await Promise.all([
    source.word("/run/systemd/container"),
    source.text("/proc/1/environ", ENVIRON_BYTES_MAX),
    source.has("/.dockerenv"),
    source.has("/run/.containerenv"),
    source.link("/proc/self/ns/pid"),
    source.word("/proc/sys/kernel/osrelease"),
  ]);
  const named = (told ?? clean(assignments(environ, "\0").get("container")))?.toLowerCase();
  if (named !== undefined && /^[a-z0-9._-]{1,32}$/.test(named)) return named;
  // A netboot image that was built from a container's files keeps the marker, on bare metal too.
  if (docker && namespace !== FIRST_PID_NAMESPACE) return "docker";
  if (podman && namespace !== FIRST_PID_NAMESPACE) return "podman";
  return /microsoft/i.test(release ?? "") ? "wsl" : undefined;
}

async function machineKind(source: Source): Promise<string> {
  const [hypervisor, vendor, product, bios, clocks, cpuinfo, compatible] = await Promise.all([
    source.word("/sys/hypervisor/type"),
    source.word("/sys/class/dmi/id/sys_vendor"),
    source.word("/sys/class/dmi/id/product_name"),
    source.word("/sys/class/dmi/id/bios_vendor"),
    source.word("/sys/devices/system/clocksource/clocksource0/available_clocksource"),
    source.text("/proc/cpuinfo", 4096),
    source.word("/proc/device-tree/compatible"),
  ]);
  const flagged = /^flags\s*:.*\bhypervisor\b/m.test(cpuinfo ?? "");
  const text = `${vendor ?? ""} ${product ?? ""} ${bios ?? ""}`.toLowerCase();
  // Amazon names itself alike on virtual and on bare-metal servers, but for the product.
  if (text.includes("amazon ec2")) return text.includes(".metal") ? "physical" : "kvm";
  const known = VIRTUAL_VENDORS.find(([name]) => text.includes(name))?.[1];
  // QEMU names itself alike with and without KVM; only a guest of KVM is offered its clock.
  if (/\bkvm-clock\b/.test(clocks ?? "") && (known === undefined || known === "qemu")) return "kvm";
  if (known !== undefined) return known;
  if (hypervisor !== undefined) return /^[a-z0-9]{1,16}$/.test(hypervisor) ? hypervisor : "vm";
  if (compatible?.includes("linux,dummy-virt")) return "qemu";
  return flagged ? "vm" : "physical";
}
