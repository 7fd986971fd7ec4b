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
import cephClient from "./states/ceph/client.ts";
import cephCluster from "./states/ceph/cluster.ts";
import cephFilesystem from "./states/ceph/filesystem.ts";
import cephLabOsd from "./states/ceph/lab-osd.ts";
import cephMaintenance from "./states/ceph/maintenance.ts";
import cephMds from "./states/ceph/mds.ts";
import cephMgr from "./states/ceph/mgr.ts";
import cephMon from "./states/ceph/mon.ts";
import cephMounted from "./states/ceph/mounted.ts";
import cephOsd from "./states/ceph/osd.ts";
import cephPool from "./states/ceph/pool.ts";
import cephQuorum from "./states/ceph/quorum.ts";
import cephReady from "./states/ceph/ready.ts";
import certManaged from "./states/cert/managed.ts";
import certRequest from "./states/cert/request.ts";
import certSelfsigned from "./states/cert/selfsigned.ts";
import chronyConfig from "./states/chrony/config.ts";
import cmdRun from "./states/cmd/run.ts";
import consulAclBootstrap from "./states/consul/acl-bootstrap.ts";
import consulAclPolicy from "./states/consul/acl-policy.ts";
import consulAclToken from "./states/consul/acl-token.ts";
import consulAgent from "./states/consul/agent.ts";
import consulConfigEntry from "./states/consul/config-entry.ts";
import consulGossipKey from "./states/consul/gossip-key.ts";
import consulKv from "./states/consul/kv.ts";
import consulReady from "./states/consul/ready.ts";
import consulService from "./states/consul/service.ts";
import consulSettings from "./states/consul/settings.ts";
import cronJob from "./states/cron/job.ts";
import dnsmasqConfig from "./states/dnsmasq/config.ts";
import dockerDaemon from "./states/docker/daemon.ts";
import dockerInstalled from "./states/docker/installed.ts";
import dockerReady from "./states/docker/ready.ts";
import downloadFile from "./states/download/file.ts";
import fail2banJail from "./states/fail2ban/jail.ts";
import fileAbsent from "./states/file/absent.ts";
import fileBlock from "./states/file/block.ts";
import fileDirectory from "./states/file/directory.ts";
import fileLine from "./states/file/line.ts";
import fileManaged from "./states/file/managed.ts";
import fileRecurse from "./states/file/recurse.ts";
import fileSymlink from "./states/file/symlink.ts";
import firewallFilter from "./states/firewall/filter.ts";
import firewallPort from "./states/firewall/port.ts";
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
import maintenanceWindow from "./states/maintenance/window.ts";
import mountAbsent from "./states/mount/absent.ts";
import mountMounted from "./states/mount/mounted.ts";
import mountUnmounted from "./states/mount/unmounted.ts";
import networkInterfaces from "./states/network/interfaces.ts";
import networkOnline from "./states/network/online.ts";
import nomadAclBootstrap from "./states/nomad/acl-bootstrap.ts";
import nomadAclPolicy from "./states/nomad/acl-policy.ts";
import nomadAclToken from "./states/nomad/acl-token.ts";
import nomadAgent from "./states/nomad/agent.ts";
import nomadEligible from "./states/nomad/eligible.ts";
import nomadJob from "./states/nomad/job.ts";
import nomadJobStopped from "./states/nomad/job-stopped.ts";
import nomadReady from "./states/nomad/ready.ts";
import nomadSettings from "./states/nomad/settings.ts";
import pkgHeld from "./states/pkg/held.ts";
import pkgInstalled from "./states/pkg/installed.ts";
import pkgLatest from "./states/pkg/latest.ts";
import pkgProtected from "./states/pkg/protected.ts";
import pkgPurged from "./states/pkg/purged.ts";
import pkgRemoved from "./states/pkg/removed.ts";
import rebootRequired from "./states/reboot/required.ts";
import scheduleJob from "./states/schedule/job.ts";
import serviceMasked from "./states/service/masked.ts";
import serviceRunning from "./states/service/running.ts";
import serviceStopped from "./states/service/stopped.ts";
import sshKey from "./states/ssh/key.ts";
import sshKeys from "./states/ssh/keys.ts";
import sshServer from "./states/ssh/server.ts";
import sudoRules from "./states/sudo/rules.ts";
import sysctlSet from "./states/sysctl/set.ts";
import systemdAbsent from "./states/systemd/absent.ts";
import systemdDropin from "./states/systemd/dropin.ts";
import systemdTimer from "./states/systemd/timer.ts";
import systemdUnit from "./states/systemd/unit.ts";
import timeSynced from "./states/time/synced.ts";
import timezoneSet from "./states/timezone/set.ts";
import userAbsent from "./states/user/absent.ts";
import userPresent from "./states/user/present.ts";
import vaultAuditDevice from "./states/vault/audit-device.ts";
import vaultAuth from "./states/vault/auth.ts";
import vaultInitialised from "./states/vault/initialised.ts";
import vaultMount from "./states/vault/mount.ts";
import vaultPolicy from "./states/vault/policy.ts";
import vaultReady from "./states/vault/ready.ts";
import vaultReloaded from "./states/vault/reloaded.ts";
import vaultRole from "./states/vault/role.ts";
import vaultSecretId from "./states/vault/secret-id.ts";
import vaultServer from "./states/vault/server.ts";
import vaultToken from "./states/vault/token.ts";
import vaultWritten from "./states/vault/written.ts";

export const agent = { drift: agentDrift };
export const apt = { repo: aptRepo };
export const archive = { extracted: archiveExtracted };
export const beacon = { certificate: beaconCertificate, disk: beaconDisk, file: beaconFile, link: beaconLink, load: beaconLoad, login: beaconLogin, memory: beaconMemory, pressure: beaconPressure, reboot: beaconReboot, service: beaconService, time: beaconTime, unit: beaconUnit };
export const ceph = { client: cephClient, cluster: cephCluster, filesystem: cephFilesystem, labOsd: cephLabOsd, maintenance: cephMaintenance, mds: cephMds, mgr: cephMgr, mon: cephMon, mounted: cephMounted, osd: cephOsd, pool: cephPool, quorum: cephQuorum, ready: cephReady };
export const cert = { managed: certManaged, request: certRequest, selfsigned: certSelfsigned };
export const chrony = { config: chronyConfig };
export const cmd = { run: cmdRun };
export const consul = { aclBootstrap: consulAclBootstrap, aclPolicy: consulAclPolicy, aclToken: consulAclToken, agent: consulAgent, configEntry: consulConfigEntry, gossipKey: consulGossipKey, kv: consulKv, ready: consulReady, service: consulService, settings: consulSettings };
export const cron = { job: cronJob };
export const dnsmasq = { config: dnsmasqConfig };
export const docker = { daemon: dockerDaemon, installed: dockerInstalled, ready: dockerReady };
export const download = { file: downloadFile };
export const fail2ban = { jail: fail2banJail };
export const file = { absent: fileAbsent, block: fileBlock, directory: fileDirectory, line: fileLine, managed: fileManaged, recurse: fileRecurse, symlink: fileSymlink };
export const firewall = { filter: firewallFilter, port: firewallPort };
export const fs = { formatted: fsFormatted };
export const gate = { http: gateHttp, unit: gateUnit };
export const git = { checkout: gitCheckout };
export const group = { absent: groupAbsent, present: groupPresent };
export const hostname = { set: hostnameSet };
export const hosts = { absent: hostsAbsent, entry: hostsEntry };
export const kernel = { module: kernelModule };
export const locale = { set: localeSet };
export const lvm = { lv: lvmLv, vg: lvmVg };
export const maintenance = { window: maintenanceWindow };
export const mount = { absent: mountAbsent, mounted: mountMounted, unmounted: mountUnmounted };
export const network = { interfaces: networkInterfaces, online: networkOnline };
export const nomad = { aclBootstrap: nomadAclBootstrap, aclPolicy: nomadAclPolicy, aclToken: nomadAclToken, agent: nomadAgent, eligible: nomadEligible, job: nomadJob, jobStopped: nomadJobStopped, ready: nomadReady, settings: nomadSettings };
export const pkg = { held: pkgHeld, installed: pkgInstalled, latest: pkgLatest, protected: pkgProtected, purged: pkgPurged, removed: pkgRemoved };
export const reboot = { required: rebootRequired };
export const schedule = { job: scheduleJob };
export const service = { masked: serviceMasked, running: serviceRunning, stopped: serviceStopped };
export const ssh = { key: sshKey, keys: sshKeys, server: sshServer };
export const sudo = { rules: sudoRules };
export const sysctl = { set: sysctlSet };
export const systemd = { absent: systemdAbsent, dropin: systemdDropin, timer: systemdTimer, unit: systemdUnit };
export const time = { synced: timeSynced };
export const timezone = { set: timezoneSet };
export const user = { absent: userAbsent, present: userPresent };
export const vault = { auditDevice: vaultAuditDevice, auth: vaultAuth, initialised: vaultInitialised, mount: vaultMount, policy: vaultPolicy, ready: vaultReady, reloaded: vaultReloaded, role: vaultRole, secretId: vaultSecretId, server: vaultServer, token: vaultToken, written: vaultWritten };

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
  "ceph.client": cephClient,
  "ceph.cluster": cephCluster,
  "ceph.filesystem": cephFilesystem,
  "ceph.lab-osd": cephLabOsd,
  "ceph.maintenance": cephMaintenance,
  "ceph.mds": cephMds,
  "ceph.mgr": cephMgr,
  "ceph.mon": cephMon,
  "ceph.mounted": cephMounted,
  "ceph.osd": cephOsd,
  "ceph.pool": cephPool,
  "ceph.quorum": cephQuorum,
  "ceph.ready": cephReady,
  "cert.managed": certManaged,
  "cert.request": certRequest,
  "cert.selfsigned": certSelfsigned,
  "chrony.config": chronyConfig,
  "cmd.run": cmdRun,
  "consul.acl-bootstrap": consulAclBootstrap,
  "consul.acl-policy": consulAclPolicy,
  "consul.acl-token": consulAclToken,
  "consul.agent": consulAgent,
  "consul.config-entry": consulConfigEntry,
  "consul.gossip-key": consulGossipKey,
  "consul.kv": consulKv,
  "consul.ready": consulReady,
  "consul.service": consulService,
  "consul.settings": consulSettings,
  "cron.job": cronJob,
  "dnsmasq.config": dnsmasqConfig,
  "docker.daemon": dockerDaemon,
  "docker.installed": dockerInstalled,
  "docker.ready": dockerReady,
  "download.file": downloadFile,
  "fail2ban.jail": fail2banJail,
  "file.absent": fileAbsent,
  "file.block": fileBlock,
  "file.directory": fileDirectory,
  "file.line": fileLine,
  "file.managed": fileManaged,
  "file.recurse": fileRecurse,
  "file.symlink": fileSymlink,
  "firewall.filter": firewallFilter,
  "firewall.port": firewallPort,
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
  "maintenance.window": maintenanceWindow,
  "mount.absent": mountAbsent,
  "mount.mounted": mountMounted,
  "mount.unmounted": mountUnmounted,
  "network.interfaces": networkInterfaces,
  "network.online": networkOnline,
  "nomad.acl-bootstrap": nomadAclBootstrap,
  "nomad.acl-policy": nomadAclPolicy,
  "nomad.acl-token": nomadAclToken,
  "nomad.agent": nomadAgent,
  "nomad.eligible": nomadEligible,
  "nomad.job": nomadJob,
  "nomad.job-stopped": nomadJobStopped,
  "nomad.ready": nomadReady,
  "nomad.settings": nomadSettings,
  "pkg.held": pkgHeld,
  "pkg.installed": pkgInstalled,
  "pkg.latest": pkgLatest,
  "pkg.protected": pkgProtected,
  "pkg.purged": pkgPurged,
  "pkg.removed": pkgRemoved,
  "reboot.required": rebootRequired,
  "schedule.job": scheduleJob,
  "service.masked": serviceMasked,
  "service.running": serviceRunning,
  "service.stopped": serviceStopped,
  "ssh.key": sshKey,
  "ssh.keys": sshKeys,
  "ssh.server": sshServer,
  "sudo.rules": sudoRules,
  "sysctl.set": sysctlSet,
  "systemd.absent": systemdAbsent,
  "systemd.dropin": systemdDropin,
  "systemd.timer": systemdTimer,
  "systemd.unit": systemdUnit,
  "time.synced": timeSynced,
  "timezone.set": timezoneSet,
  "user.absent": userAbsent,
  "user.present": userPresent,
  "vault.audit-device": vaultAuditDevice,
  "vault.auth": vaultAuth,
  "vault.initialised": vaultInitialised,
  "vault.mount": vaultMount,
  "vault.policy": vaultPolicy,
  "vault.ready": vaultReady,
  "vault.reloaded": vaultReloaded,
  "vault.role": vaultRole,
  "vault.secret-id": vaultSecretId,
  "vault.server": vaultServer,
  "vault.token": vaultToken,
  "vault.written": vaultWritten,
};
