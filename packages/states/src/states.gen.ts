// Written by `npm run gen`. Add a state by adding a file below states/.
import type { AnyState } from "./define-state.ts";
import agentDrift from "./states/agent/drift.ts";
import aptRepo from "./states/apt/repo.ts";
import archiveExtracted from "./states/archive/extracted.ts";
import beaconCertificate from "./states/beacon/certificate.ts";
import beaconDisk from "./states/beacon/disk.ts";
import beaconFile from "./states/beacon/file.ts";
import beaconLink from "./states/beacon/link.ts";
import beaconLoad from "./states/beacon/load.ts";
import beaconLogin from "./states/beacon/login.ts";
import beaconMemory from "./states/beacon/memory.ts";
import beaconPressure from "./states/beacon/pressure.ts";
import beaconReboot from "./states/beacon/reboot.ts";
import beaconService from "./states/beacon/service.ts";
import beaconTime from "./states/beacon/time.ts";
import beaconUnit from "./states/beacon/unit.ts";
import certManaged from "./states/cert/managed.ts";
import certRequest from "./states/cert/request.ts";
import certSelfsigned from "./states/cert/selfsigned.ts";
import cmdRun from "./states/cmd/run.ts";
import cronJob from "./states/cron/job.ts";
import downloadFile from "./states/download/file.ts";
import fileAbsent from "./states/file/absent.ts";
import fileBlock from "./states/file/block.ts";
import fileDirectory from "./states/file/directory.ts";
import fileLine from "./states/file/line.ts";
import fileManaged from "./states/file/managed.ts";
import fileRecurse from "./states/file/recurse.ts";
import fileSymlink from "./states/file/symlink.ts";
import fsFormatted from "./states/fs/formatted.ts";
import gateHttp from "./states/gate/http.ts";
import gateUnit from "./states/gate/unit.ts";
import gitCheckout from "./states/git/checkout.ts";
import groupAbsent from "./states/group/absent.ts";
import groupPresent from "./states/group/present.ts";
import hostnameSet from "./states/hostname/set.ts";
import hostsAbsent from "./states/hosts/absent.ts";
import hostsEntry from "./states/hosts/entry.ts";
import kernelModule from "./states/kernel/module.ts";
import localeSet from "./states/locale/set.ts";
import lvmLv from "./states/lvm/lv.ts";
import lvmVg from "./states/lvm/vg.ts";
import mountAbsent from "./states/mount/absent.ts";
import mountMounted from "./states/mount/mounted.ts";
import mountUnmounted from "./states/mount/unmounted.ts";
import pkgHeld from "./states/pkg/held.ts";
import pkgInstalled from "./states/pkg/installed.ts";
import pkgLatest from "./states/pkg/latest.ts";
import pkgPurged from "./states/pkg/purged.ts";
import pkgRemoved from "./states/pkg/removed.ts";
import rebootRequired from "./states/reboot/required.ts";
import scheduleJob from "./states/schedule/job.ts";
import serviceMasked from "./states/service/masked.ts";
import serviceRunning from "./states/service/running.ts";
import serviceStopped from "./states/service/stopped.ts";
import sshKey from "./states/ssh/key.ts";
import sshKeys from "./states/ssh/keys.ts";
import sudoRules from "./states/sudo/rules.ts";
import sysctlSet from "./states/sysctl/set.ts";
import systemdAbsent from "./states/systemd/absent.ts";
import systemdDropin from "./states/systemd/dropin.ts";
import systemdTimer from "./states/systemd/timer.ts";
import systemdUnit from "./states/systemd/unit.ts";
import timezoneSet from "./states/timezone/set.ts";
import userAbsent from "./states/user/absent.ts";
import userPresent from "./states/user/present.ts";

export const agent = { drift: agentDrift };
export const apt = { repo: aptRepo };
export const archive = { extracted: archiveExtracted };
export const beacon = { certificate: beaconCertificate, disk: beaconDisk, file: beaconFile, link: beaconLink, load: beaconLoad, login: beaconLogin, memory: beaconMemory, pressure: beaconPressure, reboot: beaconReboot, service: beaconService, time: beaconTime, unit: beaconUnit };
export const cert = { managed: certManaged, request: certRequest, selfsigned: certSelfsigned };
export const cmd = { run: cmdRun };
export const cron = { job: cronJob };
export const download = { file: downloadFile };
export const file = { absent: fileAbsent, block: fileBlock, directory: fileDirectory, line: fileLine, managed: fileManaged, recurse: fileRecurse, symlink: fileSymlink };
export const fs = { formatted: fsFormatted };
export const gate = { http: gateHttp, unit: gateUnit };
export const git = { checkout: gitCheckout };
export const group = { absent: groupAbsent, present: groupPresent };
export const hostname = { set: hostnameSet };
export const hosts = { absent: hostsAbsent, entry: hostsEntry };
export const kernel = { module: kernelModule };
export const locale = { set: localeSet };
export const lvm = { lv: lvmLv, vg: lvmVg };
export const mount = { absent: mountAbsent, mounted: mountMounted, unmounted: mountUnmounted };
export const pkg = { held: pkgHeld, installed: pkgInstalled, latest: pkgLatest, purged: pkgPurged, removed: pkgRemoved };
export const reboot = { required: rebootRequired };
export const schedule = { job: scheduleJob };
export const service = { masked: serviceMasked, running: serviceRunning, stopped: serviceStopped };
export const ssh = { key: sshKey, keys: sshKeys };
export const sudo = { rules: sudoRules };
export const sysctl = { set: sysctlSet };
export const systemd = { absent: systemdAbsent, dropin: systemdDropin, timer: systemdTimer, unit: systemdUnit };
export const timezone = { set: timezoneSet };
export const user = { absent: userAbsent, present: userPresent };

export const states: Readonly<Record<string, AnyState>> = {
  "agent.drift": agentDrift,
  "apt.repo": aptRepo,
  "archive.extracted": archiveExtracted,
  "beacon.certificate": beaconCertificate,
  "beacon.disk": beaconDisk,
  "beacon.file": beaconFile,
  "beacon.link": beaconLink,
  "beacon.load": beaconLoad,
  "beacon.login": beaconLogin,
  "beacon.memory": beaconMemory,
  "beacon.pressure": beaconPressure,
  "beacon.reboot": beaconReboot,
  "beacon.service": beaconService,
  "beacon.time": beaconTime,
  "beacon.unit": beaconUnit,
  "cert.managed": certManaged,
  "cert.request": certRequest,
  "cert.selfsigned": certSelfsigned,
  "cmd.run": cmdRun,
  "cron.job": cronJob,
  "download.file": downloadFile,
  "file.absent": fileAbsent,
  "file.block": fileBlock,
  "file.directory": fileDirectory,
  "file.line": fileLine,
  "file.managed": fileManaged,
  "file.recurse": fileRecurse,
  "file.symlink": fileSymlink,
  "fs.formatted": fsFormatted,
  "gate.http": gateHttp,
  "gate.unit": gateUnit,
  "git.checkout": gitCheckout,
  "group.absent": groupAbsent,
  "group.present": groupPresent,
  "hostname.set": hostnameSet,
  "hosts.absent": hostsAbsent,
  "hosts.entry": hostsEntry,
  "kernel.module": kernelModule,
  "locale.set": localeSet,
  "lvm.lv": lvmLv,
  "lvm.vg": lvmVg,
  "mount.absent": mountAbsent,
  "mount.mounted": mountMounted,
  "mount.unmounted": mountUnmounted,
  "pkg.held": pkgHeld,
  "pkg.installed": pkgInstalled,
  "pkg.latest": pkgLatest,
  "pkg.purged": pkgPurged,
  "pkg.removed": pkgRemoved,
  "reboot.required": rebootRequired,
  "schedule.job": scheduleJob,
  "service.masked": serviceMasked,
  "service.running": serviceRunning,
  "service.stopped": serviceStopped,
  "ssh.key": sshKey,
  "ssh.keys": sshKeys,
  "sudo.rules": sudoRules,
  "sysctl.set": sysctlSet,
  "systemd.absent": systemdAbsent,
  "systemd.dropin": systemdDropin,
  "systemd.timer": systemdTimer,
  "systemd.unit": systemdUnit,
  "timezone.set": timezoneSet,
  "user.absent": userAbsent,
  "user.present": userPresent,
};
