// Logins that a run could not try although there is a test account: told at its end, since an unknown is no yes. Pure,
// from what the lanes wrote down as they saw their slots serve.
import type { RunProgress } from '../plan/progress.js';

/** How the note of a step begins whose login was not tried; why not follows. */
export const UNVERIFIED_LOGIN = 'greeting only, login NOT tried: ';

/** A slot whose login nobody has tried. */
export interface UnverifiedLogin {
  readonly slot: string;
  readonly host: string;
  readonly reason: string;
}

/** Of the lanes that have seen their slots serve. */
export function unverifiedLogins({ lanes }: RunProgress): readonly UnverifiedLogin[] {
  return lanes.flatMap(({ lane, steps }) =>
    steps.flatMap(({ step, state, reason }) => {
      const isSeen = step.action === 'slot.see-serving' && (state === 'did' || state === 'skipped');
      if (!isSeen || reason === undefined || !reason.startsWith(UNVERIFIED_LOGIN)) return [];
      return [{ slot: lane, host: step.host, reason: reason.slice(UNVERIFIED_LOGIN.length) }];
    }),
  );
}

/** What speaks against leaving; a login that went through the frontend is one that was tried. */
export function unverifiedReasons(
  logins: readonly UnverifiedLogin[],
  roads: readonly { readonly slot: string; readonly imap: { readonly ok: boolean } | null }[],
): readonly string[] {
  const left = logins.filter(
    ({ slot }) => !roads.some((road) => road.slot === slot && road.imap?.ok === true),
  );
  if (left.length === 0) return [];
  const names = left.length <= 3 ? left.map(({ slot }) => slot).join(', ') : `${left.length} slots`;
  return [`no login to ${names} was tried`];
}
