// The actions of slot lanes for showing what a step runs. Nothing is asked and nothing can be done with them: the
// way to the hosts refuses whatever is not read-only, and the directory refuses everything.

import type { ActionTable } from '../../plan/action.js';
import { slotActions } from '../../slot/actions/index.js';
import { actionParts } from '../../slot/execute.js';
import type { Context } from '../context.js';
import { surroundingsOf } from '../slots/surroundings.js';

/** Actions whose `preview` speaks by the configuration as it is now. @throws ConfigError */
export async function previewActions(context: Context): Promise<ActionTable> {
  const { stores } = await context.config();
  const around = await surroundingsOf(context, { readOnly: true });
  const refuse = (): Promise<never> => Promise.reject(new Error('a preview reads and changes no directory'));
  return slotActions(
    actionParts({
      plan: {
        version: 1,
        id: '',
        kind: '',
        target: '',
        operator: '',
        bastion: '',
        createdAt: '',
        facts: null,
        lanes: [],
        after: [],
      },
      around,
      directory: {
        name: 'the directory',
        list: refuse,
        get: refuse,
        setMaster: refuse,
        stateFault: null,
        setState: refuse,
        raiseVersion: refuse,
      },
      clock: context.clock,
      runHook: refuse,
      drainTimeoutMs: stores.drainTimeoutMs,
      operator: context.operator.name,
      bastion: context.operator.bastion,
      takeOver: [],
      slots: [],
      sight: new Map(),
    }),
  );
}
