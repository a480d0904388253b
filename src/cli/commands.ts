// Every command of mailctl, in the order of the help. Modules named here are loaded for each start, so they
// hold words and types; what is heavy they load when they run.
import { version } from '../lib/version.js';
import type { AnyCommand, GroupSpec, ProgramSpec } from './command.js';
import { completionCommand } from './completion.js';
import { configCheckCommand } from './config/check.js';
import { configInitCommand } from './config/init.js';
import { configSchemaCommand } from './config/schema.js';
import { configShowCommand } from './config/show.js';
import { drainAttachCommand } from './drain/attach.js';
import { drainPauseCommand } from './drain/pause.js';
import { drainResumeCommand } from './drain/resume.js';
import { drainStartCommand } from './drain/start.js';
import { drainStatusCommand } from './drain/status.js';
import { drainStopCommand } from './drain/stop.js';
import { failoverCommand } from './failover.js';
import { helpCommand } from './help.js';
import { probeDeliveryCommand } from './probe/delivery.js';
import { probeDnsCommand } from './probe/dns.js';
import { probeCommand } from './probe/probe.js';
import { probeReadinessCommand } from './probe/readiness.js';
import { probeRouteCommand } from './probe/route.js';
import { probeSmtpCommand } from './probe/smtp.js';
import { queueConnectionsCommand } from './queue/connections.js';
import { queueDeleteCommand } from './queue/delete.js';
import { queueFlushCommand } from './queue/flush.js';
import { queueHoldCommand } from './queue/hold.js';
import { queueHoldsCommand } from './queue/holds.js';
import { queueListCommand } from './queue/list.js';
import { queueReleaseCommand } from './queue/release.js';
import { queueRequeueCommand } from './queue/requeue.js';
import { queueRestoreCommand } from './queue/restore.js';
import { queueSampleCommand } from './queue/sample.js';
import { queueShowCommand } from './queue/show.js';
import { queueStatsCommand } from './queue/stats.js';
import { queueTendCommand } from './queue/tend.js';
import { queueWhyCommand } from './queue/why.js';
import { rejoinCommand } from './rejoin.js';
import { replicationQuarantineCommand } from './replication/quarantine.js';
import { replicationRetryCommand } from './replication/retry.js';
import { replicationSeedCommand } from './replication/seed.js';
import { replicationStatusCommand } from './replication/status.js';
import { replicationVerifyCommand } from './replication/verify.js';
import { replicationWatchCommand } from './replication/watch.js';
import { runsAttachCommand } from './runs/attach.js';
import { runsListCommand } from './runs/list.js';
import { runsResumeCommand } from './runs/resume.js';
import { runsShowCommand } from './runs/show.js';
import { runsUndoCommand } from './runs/undo.js';
import { slotsDiscoverCommand } from './slots/discover.js';
import { slotsExportCommand } from './slots/export.js';
import { slotsImportCommand } from './slots/import.js';
import { slotsListCommand } from './slots/list.js';
import { slotsMoveCommand } from './slots/move.js';
import { slotsSampleCommand } from './slots/sample.js';
import { slotsShowCommand } from './slots/show.js';

/** The groups, by their first word. */
const groups: readonly GroupSpec[] = [
  { name: 'drain', summary: 'Send a backlog so that nothing tips over: parked, then released under control' },
  { name: 'slots', summary: 'The mail stores: who is master, how far the replicas are' },
  { name: 'replication', summary: 'Are the copies good: compare, set aside what blocks, send it again' },
  { name: 'queue', summary: 'The mail queues of all hosts: how many messages wait, which, and why' },
  { name: 'runs', summary: 'What was begun: look, go on, take back' },
  { name: 'config', summary: 'The configuration file: check it, show it, start one' },
];

/** The commands. */
const commands: readonly AnyCommand[] = [
  failoverCommand,
  rejoinCommand,
  drainStartCommand,
  drainStatusCommand,
  drainAttachCommand,
  drainPauseCommand,
  drainResumeCommand,
  drainStopCommand,
  slotsListCommand,
  slotsShowCommand,
  slotsSampleCommand,
  slotsMoveCommand,
  slotsImportCommand,
  slotsExportCommand,
  slotsDiscoverCommand,
  replicationStatusCommand,
  replicationVerifyCommand,
  replicationSeedCommand,
  replicationQuarantineCommand,
  replicationRetryCommand,
  replicationWatchCommand,
  queueStatsCommand,
  queueListCommand,
  queueShowCommand,
  queueWhyCommand,
  queueConnectionsCommand,
  queueHoldCommand,
  queueReleaseCommand,
  queueRequeueCommand,
  queueFlushCommand,
  queueDeleteCommand,
  queueRestoreCommand,
  queueHoldsCommand,
  queueTendCommand,
  queueSampleCommand,
  probeCommand,
  probeDnsCommand,
  probeSmtpCommand,
  probeDeliveryCommand,
  probeReadinessCommand,
  probeRouteCommand,
  configCheckCommand,
  configShowCommand,
  configInitCommand,
  configSchemaCommand,
  runsListCommand,
  runsShowCommand,
  runsAttachCommand,
  runsResumeCommand,
  runsUndoCommand,
  helpCommand(() => program),
  completionCommand(() => program),
];

/** The whole program. */
export const program: ProgramSpec = { version, commands, groups };
