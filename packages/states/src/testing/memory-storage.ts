import type { Port } from "../host/host.ts";
import type { BlockDevice, ReadStorage, Storage, VolumeGroup } from "../host/storage.ts";
import type { GivenDevice } from "./given.ts";
import type { MemoryWorld } from "./memory-host.ts";

const EXTENT_BYTES = 4 * 1024 * 1024;

type Device = { -readonly [K in keyof GivenDevice]: GivenDevice[K] };
interface Group {
  devices: string[];
  readonly extentBytes: number;
  readonly volumes: Map<string, number>;
}

interface Disks {
  readonly devices: Map<string, Device>;
  readonly groups: Map<string, Group>;
}

function disksOf({ given }: MemoryWorld): Disks {
  const devices = new Map(
    Object.entries(given.devices ?? {}).map(([path, device]): [string, Device] => [path, { ...device }]),
  );
  const groups = new Map(
    Object.entries(given.volumeGroups ?? {}).map(
      ([name, { devices: paths, extentBytes = EXTENT_BYTES, volumes = {} }]): [string, Group] => [
        name,
        { devices: [...paths], extentBytes, volumes: new Map(Object.entries(volumes)) },
      ],
    ),
  );
  return { devices, groups };
}

function find({ devices, groups }: Disks, path: string): [string, Device] | undefined {
  for (const [name, device] of devices)
    if (name === path || device.links?.includes(path)) return [name, device];
  const [, groupName = "", volume = ""] = /^\/dev\/([^/]+)\/([^/]+)$/.exec(path) ?? [];
  const bytes = groups.get(groupName)?.volumes.get(volume);
  if (bytes === undefined) return undefined;
  devices.set(path, { bytes, type: "lvm" });
  return [path, devices.get(path)!];
}

function must(disks: Disks, path: string): [string, Device] {
  const found = find(disks, path);
  if (!found) throw new Error(`ENOENT: open '${path}'`);
  return found;
}

function groupOf({ devices }: Disks, [name, group]: [string, Group]): VolumeGroup {
  const { extentBytes } = group;
  // The first extent of each device holds what LVM writes about it.
  const bytes = group.devices.reduce(
    (sum, path) => sum + Math.max(0, Math.floor(devices.get(path)!.bytes / extentBytes) - 1) * extentBytes,
    0,
  );
  const used = [...group.volumes.values()].reduce((sum, size) => sum + size, 0);
  return { name, extentBytes, bytes, freeBytes: bytes - used };
}

function readHalf(disks: Disks): ReadStorage {
  const { groups } = disks;
  return {
    disks: async () =>
      [...disks.devices].flatMap(([path, { type = "disk" }]) => (type === "disk" ? [path] : [])),
    async device(path) {
      const [name, device] = find(disks, path) ?? [];
      if (name === undefined || !device) return undefined;
      const { bytes, type = "disk", serial, wwn, parent, children = [], mountpoints = [] } = device;
      const { readOnly = false, removable = false } = device;
      const is = { path: name, bytes, type, readOnly, removable, serial, wwn, parent, children, mountpoints };
      return is satisfies BlockDevice;
    },
    async probe(path) {
      const [, { filesystem, label, uuid, children }] = must(disks, path);
      if (filesystem !== undefined) return { type: filesystem, usage: "filesystem", label, uuid };
      return children?.length ? { partitionTable: "gpt" } : {};
    },
    async signatures(path) {
      const [, { signatures = [], filesystem }] = must(disks, path);
      return filesystem === undefined ? signatures : [...signatures, filesystem];
    },
    async isBlank(path) {
      const [, { written = false, filesystem }] = must(disks, path);
      return !written && filesystem === undefined;
    },
    async firstWritten(path) {
      const [, { written = false, filesystem, writtenAt }] = must(disks, path);
      return written || filesystem !== undefined ? 0 : writtenAt;
    },
    isHeld: async (path) => must(disks, path)[1].held ?? false,
    filesystemBytes: async (path) => must(disks, path)[1].filesystemBytes,
    physicalVolumes: async () =>
      [...groups].flatMap(([group, { devices }]) => devices.map((device) => ({ device, group }))),
    groups: async () => [...groups].map((entry) => groupOf(disks, entry)),
    volumes: async () =>
      [...groups].flatMap(([group, { volumes }]) =>
        [...volumes].map(([name, bytes]) => ({ group, name, bytes })),
      ),
  };
}

export function memoryStorage(world: MemoryWorld): Port<ReadStorage, Storage> {
  const disks = disksOf(world);
  const read = readHalf(disks);
  const take = (group: Group, paths: readonly string[]): void => {
    for (const path of paths) {
      const [name, device] = must(disks, path);
      device.signatures = ["LVM2_member"];
      device.written = true;
      group.devices.push(name);
    }
  };
  const resize = (groupName: string, name: string, extents: number | "all"): void => {
    const group = disks.groups.get(groupName);
    if (!group) throw new Error(`Volume group "${groupName}" not found`);
    const { freeBytes } = groupOf(disks, [groupName, group]);
    const now = group.volumes.get(name) ?? 0;
    const bytes = extents === "all" ? now + freeBytes : extents * group.extentBytes;
    if (bytes - now > freeBytes) throw new Error(`Volume group "${groupName}" has insufficient free space`);
    group.volumes.set(name, bytes);
  };
  const write: Storage = {
    ...read,
    async makeFilesystem(path, { type, label }) {
      const [, device] = must(disks, path);
      Object.assign(device, { filesystem: type, label, filesystemBytes: device.bytes });
    },
    async wipe(path, { parts }) {
      for (const one of [...parts, path])
        Object.assign(must(disks, one)[1], {
          filesystem: undefined,
          label: undefined,
          uuid: undefined,
          signatures: [],
          written: false,
          writtenAt: undefined,
        });
      for (const part of parts) disks.devices.delete(part);
      must(disks, path)[1].children = [];
    },
    async setLabel(path, _type, label) {
      must(disks, path)[1].label = label;
    },
    async growFilesystem(path) {
      const [, device] = must(disks, path);
      device.filesystemBytes = device.bytes;
    },
    async createGroup(name, devices) {
      const group: Group = { devices: [], extentBytes: EXTENT_BYTES, volumes: new Map() };
      take(group, devices);
      disks.groups.set(name, group);
    },
    async extendGroup(name, devices) {
      take(disks.groups.get(name)!, devices);
    },
    createVolume: async ({ group, name }, extents) => resize(group, name, extents),
    extendVolume: async ({ group, name }, extents) => resize(group, name, extents),
  };
  return { read, write };
}
