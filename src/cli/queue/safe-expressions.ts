// Regular expressions of the operator, compiled so that none goes back over its text again and again, which would
// stop the whole program, signals included: V8's engine that cannot do so takes over, unless the expression needs
// what that one does not know (back-references).
import { setFlagsFromString } from 'node:v8';

/** They have been checked. */
export function safeExpressions(sources: readonly string[]): readonly RegExp[] {
  setFlagsFromString('--enable-experimental-regexp-engine-on-excessive-backtracks');
  return sources.map((source) => new RegExp(source));
}
