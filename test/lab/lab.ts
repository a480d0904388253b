/** The lab as tests use it: bring it up, break it, look at it, take it down. */
export {
  type Accepted,
  type DeliveryStream,
  deliver,
  flushMx,
  mailq,
  missingOnMasters,
  startDeliveries,
  waitDelivered,
  waitingOnMx,
} from './deliveries.js';
export { type DirectoryEntry, directoryOf, setDirectory } from './directory.js';
export { configuredRole, setRoleOnDisk, srvFile } from './disks.js';
export { takeDown } from './down.js';
export { LabError } from './errors.js';
export { crash, delay, fail, hang, lag, returnHost, runningMaster, unlag } from './faults.js';
export { inHost, initOf, powerOff } from './host.js';
export { ImapSession } from './imap.js';
export { count, messagesOn } from './mailboxes.js';
export { moveToOwnDisk, setBirth } from './own-disk.js';
export { whyNoLab } from './packages.js';
export { type LabPaths, labPaths } from './paths.js';
export { productEnv } from './product.js';
export { run, sleep, waitUntil } from './run.js';
export { secret } from './secrets.js';
export {
  masterOf,
  processesOfInstance,
  type RunningRole,
  runningRole,
  syncLogs,
  syslogTail,
} from './slots.js';
export {
  type HostName,
  hostAddress,
  hostNames,
  hostsOf,
  type Instance,
  instanceOf,
  type Lab,
  type MtaName,
  mtaHosts,
  openLab,
  type SlotSpec,
  type StoreHost,
  slotOf,
  users,
} from './spec.js';
export { hostStates, type LabStatus, status, statusText } from './status.js';
export { type UpOptions, up } from './up.js';
