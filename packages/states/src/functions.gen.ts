// Written by `npm run gen`. Add a function by adding a file below functions/.
import type { AnyFunction } from "./define-function.ts";
import agentStatus from "./functions/agent/status.ts";
import beaconList from "./functions/beacon/list.ts";
import cephOkToStop from "./functions/ceph/ok-to-stop.ts";
import cephOsdTree from "./functions/ceph/osd-tree.ts";
import cephRole from "./functions/ceph/role.ts";
import cephSetFlags from "./functions/ceph/set-flags.ts";
import cephStatus from "./functions/ceph/status.ts";
import cephUnsetFlags from "./functions/ceph/unset-flags.ts";
import cmdRun from "./functions/cmd/run.ts";
import consulHealth from "./functions/consul/health.ts";
import consulLeader from "./functions/consul/leader.ts";
import consulMembers from "./functions/consul/members.ts";
import consulRole from "./functions/consul/role.ts";
import consulSnapshot from "./functions/consul/snapshot.ts";
import diskEvidence from "./functions/disk/evidence.ts";
import diskUsage from "./functions/disk/usage.ts";
import diskWipe from "./functions/disk/wipe.ts";
import dockerInfo from "./functions/docker/info.ts";
import dockerPrune from "./functions/docker/prune.ts";
import dockerRole from "./functions/docker/role.ts";
import driftCheck from "./functions/drift/check.ts";
import driftReset from "./functions/drift/reset.ts";
import driftStatus from "./functions/drift/status.ts";
import fileRead from "./functions/file/read.ts";
import fileStat from "./functions/file/stat.ts";
import grainsGet from "./functions/grains/get.ts";
import grainsItems from "./functions/grains/items.ts";
import maintenancePending from "./functions/maintenance/pending.ts";
import maintenanceRun from "./functions/maintenance/run.ts";
import nomadDrain from "./functions/nomad/drain.ts";
import nomadRole from "./functions/nomad/role.ts";
import nomadStatus from "./functions/nomad/status.ts";
import nomadUndrain from "./functions/nomad/undrain.ts";
import pkgList from "./functions/pkg/list.ts";
import pkgUpgrade from "./functions/pkg/upgrade.ts";
import pkgVersion from "./functions/pkg/version.ts";
import scheduleList from "./functions/schedule/list.ts";
import scheduleRun from "./functions/schedule/run.ts";
import serviceLogs from "./functions/service/logs.ts";
import serviceRestart from "./functions/service/restart.ts";
import serviceStart from "./functions/service/start.ts";
import serviceStatus from "./functions/service/status.ts";
import serviceStop from "./functions/service/stop.ts";
import stageList from "./functions/stage/list.ts";
import stageStart from "./functions/stage/start.ts";
import stageStop from "./functions/stage/stop.ts";
import stateApply from "./functions/state/apply.ts";
import statePlan from "./functions/state/plan.ts";
import stateShow from "./functions/state/show.ts";
import stateSingle from "./functions/state/single.ts";
import sysDoc from "./functions/sys/doc.ts";
import sysList from "./functions/sys/list.ts";
import systemBootInstalled from "./functions/system/boot-installed.ts";
import systemInfo from "./functions/system/info.ts";
import systemInstall from "./functions/system/install.ts";
import systemReboot from "./functions/system/reboot.ts";
import terraformApply from "./functions/terraform/apply.ts";
import terraformBackups from "./functions/terraform/backups.ts";
import terraformDiscard from "./functions/terraform/discard.ts";
import terraformDrift from "./functions/terraform/drift.ts";
import terraformOutput from "./functions/terraform/output.ts";
import terraformPlan from "./functions/terraform/plan.ts";
import terraformRestore from "./functions/terraform/restore.ts";
import terraformUnlock from "./functions/terraform/unlock.ts";
import testEcho from "./functions/test/echo.ts";
import testPing from "./functions/test/ping.ts";
import testSleep from "./functions/test/sleep.ts";
import vaultInitShares from "./functions/vault/init-shares.ts";
import vaultInitSharesForget from "./functions/vault/init-shares-forget.ts";
import vaultRole from "./functions/vault/role.ts";
import vaultSealStatus from "./functions/vault/seal-status.ts";
import vaultSnapshot from "./functions/vault/snapshot.ts";
import vaultStatus from "./functions/vault/status.ts";
import vaultStepDown from "./functions/vault/step-down.ts";
import vaultUnseal from "./functions/vault/unseal.ts";
import vaultUnsealBegin from "./functions/vault/unseal-begin.ts";

const table = {
  "agent.status": agentStatus,
  "beacon.list": beaconList,
  "ceph.ok-to-stop": cephOkToStop,
  "ceph.osd-tree": cephOsdTree,
  "ceph.role": cephRole,
  "ceph.set-flags": cephSetFlags,
  "ceph.status": cephStatus,
  "ceph.unset-flags": cephUnsetFlags,
  "cmd.run": cmdRun,
  "consul.health": consulHealth,
  "consul.leader": consulLeader,
  "consul.members": consulMembers,
  "consul.role": consulRole,
  "consul.snapshot": consulSnapshot,
  "disk.evidence": diskEvidence,
  "disk.usage": diskUsage,
  "disk.wipe": diskWipe,
  "docker.info": dockerInfo,
  "docker.prune": dockerPrune,
  "docker.role": dockerRole,
  "drift.check": driftCheck,
  "drift.reset": driftReset,
  "drift.status": driftStatus,
  "file.read": fileRead,
  "file.stat": fileStat,
  "grains.get": grainsGet,
  "grains.items": grainsItems,
  "maintenance.pending": maintenancePending,
  "maintenance.run": maintenanceRun,
  "nomad.drain": nomadDrain,
  "nomad.role": nomadRole,
  "nomad.status": nomadStatus,
  "nomad.undrain": nomadUndrain,
  "pkg.list": pkgList,
  "pkg.upgrade": pkgUpgrade,
  "pkg.version": pkgVersion,
  "schedule.list": scheduleList,
  "schedule.run": scheduleRun,
  "service.logs": serviceLogs,
  "service.restart": serviceRestart,
  "service.start": serviceStart,
  "service.status": serviceStatus,
  "service.stop": serviceStop,
  "stage.list": stageList,
  "stage.start": stageStart,
  "stage.stop": stageStop,
  "state.apply": stateApply,
  "state.plan": statePlan,
  "state.show": stateShow,
  "state.single": stateSingle,
  "sys.doc": sysDoc,
  "sys.list": sysList,
  "system.boot-installed": systemBootInstalled,
  "system.info": systemInfo,
  "system.install": systemInstall,
  "system.reboot": systemReboot,
  "terraform.apply": terraformApply,
  "terraform.backups": terraformBackups,
  "terraform.discard": terraformDiscard,
  "terraform.drift": terraformDrift,
  "terraform.output": terraformOutput,
  "terraform.plan": terraformPlan,
  "terraform.restore": terraformRestore,
  "terraform.unlock": terraformUnlock,
  "test.echo": testEcho,
  "test.ping": testPing,
  "test.sleep": testSleep,
  "vault.init-shares": vaultInitShares,
  "vault.init-shares-forget": vaultInitSharesForget,
  "vault.role": vaultRole,
  "vault.seal-status": vaultSealStatus,
  "vault.snapshot": vaultSnapshot,
  "vault.status": vaultStatus,
  "vault.step-down": vaultStepDown,
  "vault.unseal": vaultUnseal,
  "vault.unseal-begin": vaultUnsealBegin,
};
/** Each function by its name with its own types, for callers that name it in their source. */
export type FunctionTable = typeof table;
export const functions: Readonly<Record<string, AnyFunction>> = table;
