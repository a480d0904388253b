// The code behind a step. The runner alone knows the order check, began, act, verify, and undo; no action
// calls another.
import type { Step } from './step.js';

/**
 * Where a step stands. `blocked`: a condition outside the step forbids the act. `away`: its host cannot be
 * asked (owed, if the step may be); `lost`: it could be until now, and is asked again. `rewind`: the world changed so
 * that the lane must go back to `to` (a step id of the same lane, before the commit) and go on from there.
 */
export type CheckResult =
  | { readonly state: 'done'; readonly note?: string | undefined }
  | { readonly state: 'todo'; readonly note?: string | undefined }
  | { readonly state: 'blocked'; readonly reason: string; readonly code?: string | undefined }
  | { readonly state: 'away'; readonly reason: string; readonly lost?: boolean | undefined }
  | { readonly state: 'rewind'; readonly to: string; readonly reason: string };

/** What an action may use besides its step. */
export interface ActionContext {
  readonly run: string;
  readonly lane: string;
  /** Aborted when the operator says stop at once. */
  readonly signal: AbortSignal;
  /** Shown to the operator beside the step while it runs: `ctl_cyrusdb -r`. */
  note(text: string): void;
}

/** One kind of step. `act` and `undo` must be safe to repeat, and safe when they happened half or not at all. */
export interface Action {
  readonly name: string;
  /** Read-only. After the act the runner calls it again until it says done, or the deadline passes. */
  check(step: Step, context: ActionContext): Promise<CheckResult>;
  /** The commands that act would run, one a line, for people. No secrets. */
  preview(step: Step): readonly string[];
  /** May throw or time out: the runner then looks, and believes what it sees. */
  act(step: Step, context: ActionContext): Promise<void>;
  /** Takes the act back; absent where nothing is to be taken back. Throws when it could not. */
  undo?(step: Step, context: ActionContext): Promise<void>;
  /**
   * Read-only: is the act taken back, with nothing of it left? Absent: an undo that returned without error is
   * believed. On a commit step it decides whether the lane may go back (seen not to have happened); there
   * `todo` of `check` is believed only where it is absent.
   */
  checkUndone?(step: Step, context: ActionContext): Promise<CheckResult>;
  /**
   * True: what it did does not last (a lease). Every resume makes sure of it again before anything else of the
   * lane; it is undone last, and not while anything of the lane is left to undo. Found done at its first look
   * it is ours (its token says so), so that it is never `skipped`.
   */
  readonly lapses?: boolean | undefined;
  /**
   * How long verifying may take after act has returned, in ms. Not shorter than the remote deadline of the
   * act's commands: until that has passed, an act whose answer was lost may still land.
   */
  deadlineMs(step: Step): number;
}

/** Name of the action to its code. */
export type ActionTable = ReadonlyMap<string, Action>;
