// What the steps of a run that acts on messages run on the hosts, for showing only: no host is asked, and no message.
import { queueSoftware } from '../../drivers/queues.js';
import { MailctlError } from '../../errors.js';
import type { Action, ActionTable } from '../../plan/action.js';
import type { Plan } from '../../plan/plan.js';
import { changeFacts } from '../../queue/plan-change.js';
import type { Transport } from '../../transport/transport.js';

/** Actions that can preview, and nothing else. */
export async function previewChange(plan: Plan): Promise<ActionTable> {
  const act = changeFacts(plan)?.act;
  const refuse = (): Promise<never> => Promise.reject(new Error('a preview asks nobody'));
  const transport: Transport = { run: refuse, close: async () => {} };
  const names = new Set(
    plan.lanes.flatMap(({ steps }) => steps.map(({ params }) => String(params.software))),
  );
  const commands = new Map<string, readonly string[]>();
  for (const entry of queueSoftware) {
    if (act === undefined || !names.has(entry.name)) continue;
    const { open } = await entry.load();
    const host = { name: 'host', transport: 'local', groups: [] } as const;
    try {
      commands.set(entry.name, open({ transport, host, name: host.name }).preview(act));
    } catch (error) {
      // A sender of the site's own: only its configuration knows its commands.
      if (!(error instanceof MailctlError)) throw error;
    }
  }
  const action = (name: string, preview: Action['preview']): Action => ({
    name,
    check: refuse,
    preview,
    act: refuse,
    deadlineMs: () => 0,
  });
  const actions = [
    action('queue.take', () => []),
    action('queue.change', ({ params }) => commands.get(String(params.software)) ?? []),
    action('queue.see', () => []),
    action('queue.end', () => []),
  ];
  return new Map(actions.map((one) => [one.name, one]));
}
