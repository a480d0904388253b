// An error as the program reports it: the same facts for the lines on stderr and for `errors` of a JSON
// document. Expected failures keep their code; anything else is a fault of ours and says so.
import { EXIT, MailctlError, TransportError } from '../errors.js';

/** One entry of `errors` in every JSON document. Raw text: JSON escapes it, stderr needs escapeText. */
export interface ErrorReport {
  /** The host it is about, if it is about one. */
  readonly host: string | null;
  /** Stable and dotted; `internal` for a fault of ours. */
  readonly code: string;
  readonly message: string;
  readonly detail: string | null;
  readonly hint: string | null;
}

/** What an error means to the outside: its report and the exit code that it asks for. */
export function reportError(error: unknown): { readonly report: ErrorReport; readonly exitCode: number } {
  if (error instanceof MailctlError) {
    const host = error instanceof TransportError ? error.host : hostOf(error);
    return {
      report: {
        host,
        code: error.code,
        message: error.message,
        detail: error.detail ?? null,
        hint: error.hint ?? null,
      },
      exitCode: error.exitCode,
    };
  }
  const message = error instanceof Error ? error.message || error.name : String(error);
  return {
    report: {
      host: null,
      code: 'internal',
      message: `mailctl itself failed: ${message}`,
      detail: null,
      hint: 'run it again with --debug and report what it prints',
    },
    exitCode: EXIT.failed,
  };
}

/** What went wrong and what is known of it, as one line of a warning. Raw text. */
export function sentenceOf({ message, detail }: Pick<MailctlError, 'message' | 'detail'>): string {
  return detail === undefined ? message : `${message}: ${detail}`;
}

function hostOf(error: MailctlError): string | null {
  return 'host' in error && typeof error.host === 'string' ? error.host : null;
}

/** The code that counts when more than one applies: 130 before 5 before 3 before 1 (design 2.1). */
export function worstExit(...codes: readonly number[]): number {
  for (const code of [EXIT.interrupted, EXIT.incomplete, EXIT.partial, EXIT.failed]) {
    if (codes.includes(code)) return code;
  }
  return codes.find((code) => code !== EXIT.done) ?? EXIT.done;
}
