import { availableParallelism, cpus, totalmem } from "node:os";

import { Grains } from "@boma/protocol";
import { expect, test } from "vitest";

import { collectGrains, type CollectOptions } from "./collect.ts";
import { block, debian, ipv4, ipv6, plantTree, systemCalls, type Tree } from "./fixture.ts";

const collect = (options: Partial<CollectOptions>) => collectGrains({ agentVersion: "0.1.0", ...options });
const net = (name: string, files: Readonly<Record<string, string>>): Tree =>
  Object.fromEntries(Object.entries(files).map(([path, text]) => [`sys/class/net/${name}/${path}`, text]));

const MAC = "52:54:00:12:34:56";
const debianVm: Tree = {
  ...debian,
  ...block("vda", "pci0000:00/0000:00:02.0/virtio1/block", {
    size: "41943040\n",
    dev: "254:0\n",
    serial: "root-disk\n",
    removable: "0\n",
    "queue/rotational": "1\n",
    "vda1/size": "41940992\n",
    "vda1/dev": "254:1\n",
    "vda1/partition": "1\n",
  }),
  ...block("loop0", "virtual/block", { size: "100\n" }),
  ...block("zram0", "virtual/block", { size: "100\n" }),
  ...block("sr0", "pci0000:00/0000:00:01.1/ata1/block", { size: "2097151\n" }),
  "proc/self/mountinfo": "27 1 254:1 / / rw,relatime shared:1 - ext4 /dev/root rw\n",
  "proc/mounts": "/dev/root / ext4 rw 0 0\n",
  "proc/net/dev": "Inter-|   Receive\n face |bytes\n    lo: 1 2\nenp1s0: 1 2\nveth1a2b: 1 2\n",
  ...net("lo", {
    address: "00:00:00:00:00:00\n",
    type: "772\n",
    mtu: "65536\n",
    operstate: "unknown\n",
    flags: "0x9\n",
  }),
  ...net("enp1s0", { address: `${MAC}\n`, type: "1\n", mtu: "1500\n", operstate: "up\n", speed: "-1\n" }),
  "sys/class/net/enp1s0/device/driver": { link: "../../../bus/virtio/drivers/virtio_net" },
  ...net("veth1a2b", {
    address: "aa:bb:cc:00:00:01\n",
    type: "1\n",
    ifindex: "9\n",
    iflink: "8\n",
    operstate: "up\n",
  }),
  ...net("outer0", { address: "aa:bb:cc:00:00:02\n", type: "1\n" }),
  "sys/class/dmi/id/sys_vendor": "QEMU\n",
  "sys/class/dmi/id/product_name": "Standard PC (Q35 + ICH9, 2009)\n",
  "sys/class/dmi/id/product_serial": "Not Specified\n",
  "sys/class/dmi/id/product_uuid": "A1B2C3D4-0000-1111-2222-333344445555\n",
  "sys/class/dmi/id/bios_version": "1.16.2-debian\n",
  "sys/devices/system/clocksource/clocksource0/available_clocksource": "kvm-clock tsc acpi_pm \n",
  "sys/bus/pci/devices/0000:00:01.0/class": "0x030000\n",
  "sys/bus/pci/devices/0000:00:01.0/vendor": "0x1234\n",
  "sys/bus/pci/devices/0000:00:01.0/device": "0x1111\n",
  "sys/bus/pci/devices/0000:00:02.0/class": "0x010000\n",
  "proc/cmdline": "BOOT_IMAGE=/vmlinuz root=UUID=1 ro quiet\n",
};

test("a Debian guest of KVM", async () => {
  const system = systemCalls({
    lo: [ipv4("127.0.0.1/8", "00:00:00:00:00:00")],
    enp1s0: [ipv4("10.0.0.7/24", MAC), ipv6("fd00::7/64", MAC), ipv6("fe80::1/64", MAC)],
    veth1a2b: [ipv6("fe80::2/64", "aa:bb:cc:00:00:01")],
  });
  const { grains, problems } = await collect({ root: await plantTree(debianVm), system });
  expect(problems).toEqual([]);
  expect(grains).toEqual({
    os: "Debian",
    os_family: "Debian",
    osfullname: "Debian GNU/Linux",
    osfinger: "Debian GNU/Linux-12",
    osrelease: "12",
    osmajorrelease: 12,
    oscodename: "bookworm",
    kernel: "Linux",
    kernelrelease: "6.1.0-56-amd64",
    cpuarch: "x86_64",
    arch: "amd64",
    init: "systemd",
    timezone: "Europe/Berlin",
    cpus: 2,
    cpu_model: "Intel(R) Xeon(R) CPU",
    cpu_flags: ["fpu", "hypervisor", "sse2", "vme"],
    ram: 4018744 * 1024,
    swap: 999420 * 1024,
    hostname: "web1",
    interfaces: {
      lo: {
        up: true,
        kind: "loopback",
        mtu: 65536,
        addresses: [{ address: "127.0.0.1", prefix: 8, family: "ipv4" }],
      },
      enp1s0: {
        mac: MAC,
        up: true,
        kind: "ethernet",
        mtu: 1500,
        driver: "virtio_net",
        addresses: [
          { address: "10.0.0.7", prefix: 24, family: "ipv4" },
          { address: "fd00::7", prefix: 64, family: "ipv6" },
          { address: "fe80::1", prefix: 64, family: "ipv6" },
        ],
      },
    },
    macs: [MAC],
    ipv4: ["10.0.0.7"],
    ipv6: ["fd00::7"],
    disks: {
      vda: {
        path: "/dev/vda",
        size: 41943040 * 512,
        kind: "virtio",
        serial: "root-disk",
        rotational: true,
        removable: false,
        in_use: true,
        partitions: { vda1: { size: 41940992 * 512, in_use: true } },
      },
    },
    model: "Standard PC (Q35 + ICH9, 2009)",
    vendor: "QEMU",
    uuid: "a1b2c3d4-0000-1111-2222-333344445555",
    bios_version: "1.16.2-debian",
    machine_id: "3d1219c7c4c5404aaa1f6d2a48adfda4",
    virtual: "kvm",
    gpus: [{ slot: "0000:00:01.0", vendor: "QEMU", vendor_id: "0x1234", device_id: "0x1111" }],
    boot_id: "9b508030-a4fd-4223-acf9-971de16ee45f",
    kernelparams: { BOOT_IMAGE: "/vmlinuz", root: "UUID=1", ro: true, quiet: true },
    boma_version: "0.1.0",
    node_version: process.version.slice(1),
  });
});

test("a Raspberry Pi", async () => {
  const root = await plantTree({
    ...debian,
    "proc/sys/kernel/arch": "aarch64\n",
    "proc/cpuinfo":
      "processor\t: 0\nFeatures\t: fp asimd crc32\nCPU implementer\t: 0x41\nCPU part\t: 0xd08\n\nprocessor\t: 1\n",
    "sys/devices/system/cpu/online": "0-3\n",
    "sys/firmware/devicetree/base/model": "Raspberry Pi 4 Model B Rev 1.4\0",
    "sys/firmware/devicetree/base/serial-number": "10000000abcdef01\0",
    "sys/firmware/devicetree/base/compatible": "raspberrypi,4-model-b\0brcm,bcm2711\0",
    ...block("mmcblk0", "platform/emmc2bus/fe340000.mmc/mmc_host/mmc0/mmc0:aaaa/block", {
      size: "62333952\n",
      dev: "179:0\n",
      "queue/rotational": "0\n",
      "device/name": "SC32G\n",
      "device/serial": "0x1234abcd\n",
      "mmcblk0p1/size": "524288\n",
      "mmcblk0p1/dev": "179:1\n",
    }),
    ...block("mmcblk0boot0", "platform/x/block", { size: "8192\n" }),
    ...block("sda", "platform/scb/fd500000.pcie/usb2/2-1/2-1:1.0/host0/block", {
      size: "1000\n",
      dev: "8:0\n",
      "queue/rotational": "1\n",
      removable: "1\n",
    }),
    "run/udev/data/b8:0": "S:disk/by-id/x\nE:ID_SERIAL_SHORT=USB123\nE:ID_WWN=0x5000c500a1b2c3d4\n",
    "proc/mounts": "",
  });
  const { grains } = await collect({ root });
  expect(grains).toMatchObject({
    arch: "arm64",
    cpuarch: "aarch64",
    cpus: 4,
    cpu_model: "Cortex-A72",
    cpu_flags: ["asimd", "crc32", "fp"],
    model: "Raspberry Pi 4 Model B Rev 1.4",
    serial: "10000000abcdef01",
    vendor: "Raspberry Pi",
    virtual: "physical",
    disks: {
      mmcblk0: { path: "/dev/mmcblk0", kind: "mmc", model: "SC32G", serial: "0x1234abcd", in_use: false },
      sda: { kind: "usb", serial: "USB123", wwn: "0x5000c500a1b2c3d4", removable: true, in_use: false },
    },
  });
  expect(Object.keys(grains["disks"] as Grains)).toEqual(["mmcblk0", "sda"]);
  expect(grains).not.toHaveProperty("uuid");
});

test("a 32-bit Raspberry Pi OS on a 64-bit kernel has 32-bit packages", async () => {
  const root = await plantTree({ "proc/sys/kernel/arch": "aarch64\n" });
  const { grains } = await collect({ root, system: { ...systemCalls({}), nodeArch: "arm" } });
  expect(grains).toMatchObject({ arch: "armhf", cpuarch: "aarch64" });
});

test("a server on bare metal with NVMe, a raid member, a free disk and a graphics card", async () => {
  const ata = "pci0000:00/0000:00:17.0/ata1/host0/target0:0:0/0:0:0:0/block";
  const page = (serial: string) =>
    Buffer.concat([Buffer.from([0, 0x80, 0, serial.length]), Buffer.from(serial)]);
  const root = await plantTree({
    ...debian,
    "proc/cpuinfo": "processor\t: 0\nmodel name\t: AMD EPYC 7302P\nflags\t\t: fpu sse2\n",
    "sys/devices/system/cpu/online": "0-15,32-47\n",
    "sys/class/dmi/id/sys_vendor": "Supermicro\n",
    "sys/class/dmi/id/product_name": "AS -1114S-WN10RT\n",
    "sys/class/dmi/id/product_serial": "S123456X\n",
    "sys/class/dmi/id/board_serial": "To Be Filled By O.E.M.\n",
    "sys/class/dmi/id/product_uuid": "03000200-0400-0500-0006-000700080009\n",
    ...block("nvme0n1", "virtual/nvme-subsystem/nvme-subsys0", {
      size: "1875385008\n",
      dev: "259:0\n",
      hidden: "0\n",
      "queue/rotational": "0\n",
      wwid: "eui.0025385b01234567\n",
      "device/model": "SAMSUNG MZQLB960HAJR\n",
      "device/serial": "S439NA0M      \n",
      "nvme0n1p1/size": "2048\n",
      "nvme0n1p1/dev": "259:1\n",
    }),
    ...block("nvme0c0n1", "pci0000:00/nvme/nvme0", { size: "1875385008\n", hidden: "1\n" }),
    ...block("sda", ata, {
      size: "7814037168\n",
      dev: "8:0\n",
      "queue/rotational": "1\n",
      "device/model": "ST4000NM0035\n",
      "device/vpd_pg80": page("        ZC1ABCDE"),
      "device/wwid": "naa.5000C500A1B2C3D4\n",
      "sda1/size": "7814035120\n",
      "sda1/dev": "8:1\n",
      "sda1/holders/md0": "",
    }),
    ...block("sdb", ata.replaceAll("ata1", "ata2"), {
      size: "1000\n",
      dev: "8:16\n",
      "queue/rotational": "0\n",
    }),
    ...block("sdc", ata.replaceAll("ata1", "ata3"), { size: "0\n" }),
    ...block("md0", "virtual/block", { size: "7814035120\n" }),
    "proc/self/mountinfo": "27 1 0:30 / / rw - btrfs /dev/md0 rw\n",
    "proc/swaps": "Filename\tType\tSize\tUsed\tPriority\n/dev/nvme0n1p1\tpartition\t1\t0\t-2\n",
    ...net("eno1", { address: "AC:1F:6B:00:00:01\n", type: "1\n", operstate: "down\n", flags: "0x1002\n" }),
    "sys/class/net/eno1/bonding_slave/perm_hwaddr": "ac:1f:6b:00:00:0f\n",
    "sys/class/net/eno1/device": null,
    ...net("bond0", {
      address: "ac:1f:6b:00:00:01\n",
      type: "1\n",
      uevent: "DEVTYPE=bond\n",
      speed: "10000\n",
    }),
    ...net("enp1v0", { address: "ac:1f:6b:99:99:99\n", type: "1\n" }),
    "sys/class/net/enp1v0/device/physfn": null,
    "sys/bus/pci/devices/0000:41:00.0/class": "0x030200\n",
    "sys/bus/pci/devices/0000:41:00.0/vendor": "0x10de\n",
    "sys/bus/pci/devices/0000:41:00.0/device": "0x2235\n",
    "sys/bus/pci/devices/0000:41:00.0/driver": { link: "../../../../bus/pci/drivers/nvidia" },
  });
  const { grains } = await collect({ root });
  expect(grains).toMatchObject({
    cpus: 32,
    vendor: "Supermicro",
    serial: "S123456X",
    virtual: "physical",
    macs: ["ac:1f:6b:00:00:0f"],
    interfaces: { bond0: { kind: "bond", speed: 10000 }, eno1: { kind: "ethernet", up: false } },
    gpus: [{ slot: "0000:41:00.0", vendor: "NVIDIA", driver: "nvidia" }],
    disks: {
      nvme0n1: {
        kind: "nvme",
        model: "SAMSUNG MZQLB960HAJR",
        serial: "S439NA0M",
        wwn: "eui.0025385b01234567",
        rotational: false,
        in_use: true,
      },
      sda: {
        kind: "hdd",
        serial: "ZC1ABCDE",
        wwn: "0x5000c500a1b2c3d4",
        in_use: true,
        partitions: { sda1: { in_use: true } },
      },
      sdb: { kind: "ssd", in_use: false },
    },
  });
  expect(Object.keys(grains["disks"] as Grains)).toEqual(["nvme0n1", "sda", "sdb"]);
  expect(grains).not.toHaveProperty("uuid");
  expect(grains).not.toHaveProperty("board_serial");
});

test("a container claims neither the disks nor the serials of its host", async () => {
  const root = await plantTree(debianVm, { "proc/1/environ": "PATH=/bin\0container=lxc\0" });
  const system = systemCalls({ enp1s0: [ipv4("10.0.3.5/24", "00:16:3e:00:00:01")] });
  const { grains } = await collect({ root, system });
  expect(grains).toMatchObject({
    virtual: "container:lxc",
    machine_id: "3d1219c7c4c5404aaa1f6d2a48adfda4",
    // /sys shows the host's interface of that name; the system calls know ours.
    macs: ["00:16:3e:00:00:01"],
    ipv4: ["10.0.3.5"],
  });
  for (const key of ["disks", "gpus", "uuid", "model", "serial"]) expect(grains).not.toHaveProperty(key);
});

test("a marker of Docker counts only in a process namespace of its own", async () => {
  const kind = async (tree: Tree) =>
    (await collect({ root: await plantTree(debian, tree) })).grains["virtual"];
  expect(await kind({ ".dockerenv": "" })).toBe("container:docker");
  expect(await kind({ ".dockerenv": "", "proc/self/ns/pid": { link: "pid:[4026531836]" } })).toBe("vm");
});

test("this very machine", async () => {
  const { grains, problems } = await collect({ grainsDir: "/nonexistent" });
  expect(problems).toEqual([]);
  const arch = ({ x64: "amd64", arm64: "arm64" } as Record<string, string>)[process.arch];
  expect(grains["arch"]).toBe(arch);
  expect(grains["cpus"]).toBe(cpus().length);
  expect(grains["cpus"]).toBeGreaterThanOrEqual(availableParallelism());
  // A balloon may move while the test runs.
  expect(Math.abs(Number(grains["ram"]) - totalmem())).toBeLessThan(totalmem() / 20);
  expect(Grains.safeParse(grains).success).toBe(true);
});
