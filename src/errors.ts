// The errors an operator can meet. Each says what happened (message), what was seen (detail) and what to
// do next (hint), and carries a stable dotted code and the exit code of design 2.1. main.ts is the only
// place that turns one into text and a number. A broken invariant is an assertion, not one of these.

/** What every error of ours carries besides its message. */
export interface ErrorFacts {
  /** Stable and dotted, e.g. `transport.timeout`; listed in mailctl(1). */
  readonly code: string;
  /** What was seen, in numbers and names. */
  readonly detail?: string | undefined;
  /** What to do next: where possible the whole command, ready to paste. */
  readonly hint?: string | undefined;
  readonly exitCode: number;
  readonly cause?: unknown;
}

/** Exit codes, design 2.1. */
export const EXIT = {
  done: 0,
  failed: 1,
  usage: 2,
  partial: 3,
  refused: 4,
  incomplete: 5,
  busy: 6,
  interrupted: 130,
} as const;

/** The base of every expected failure. */
export class MailctlError extends Error {
  readonly code: string;
  readonly detail: string | undefined;
  readonly hint: string | undefined;
  readonly exitCode: number;

  constructor(message: string, facts: ErrorFacts) {
    super(message, facts.cause === undefined ? undefined : { cause: facts.cause });
    this.name = new.target.name;
    this.code = facts.code;
    this.detail = facts.detail;
    this.hint = facts.hint;
    this.exitCode = facts.exitCode;
  }
}

type Extra = {
  readonly detail?: string | undefined;
  readonly hint?: string | undefined;
  readonly cause?: unknown;
};

/** The command line is wrong, or asks for what does not exist. No host was asked. Exit 2. */
export class UsageError extends MailctlError {
  constructor(message: string, extra: Extra & { readonly code?: string } = {}) {
    super(message, { code: 'usage', exitCode: EXIT.usage, ...extra });
  }
}

/** The configuration is wrong; `message` begins with file:line:col where that is known. Exit 2. */
export class ConfigError extends MailctlError {
  constructor(message: string, extra: Extra & { readonly code?: string } = {}) {
    super(message, { code: 'config', exitCode: EXIT.usage, ...extra });
  }
}

/**
 * Why a host gave no answer. `refused`: its kernel answers and nothing listens on the ssh port; `hung`: TCP
 * opens and no ssh banner comes; `silent`: a connection that stood gives no answer (it hangs, or is gone);
 * `unsupported`: no POSIX shell, no timeout(1) or no /proc there;
 * `lost`: the connection broke after the script had begun, so that its outcome is unknown.
 */
export type TransportFailure =
  | 'unreachable'
  | 'refused'
  | 'hung'
  | 'silent'
  | 'auth'
  | 'host-key'
  | 'sudo'
  | 'unsupported'
  | 'timeout'
  | 'lost'
  | 'interrupted';

/** A host could not be asked, or its answer did not come. `code` is `transport.KIND`. */
export class TransportError extends MailctlError {
  readonly host: string;
  readonly kind: TransportFailure;

  constructor(host: string, kind: TransportFailure, message: string, extra: Extra = {}) {
    super(message, { code: `transport.${kind}`, exitCode: EXIT.partial, ...extra });
    this.host = host;
    this.kind = kind;
  }
}

/** A command ran on a host and said no. `stderr` is raw and must be escaped before it is shown. */
export class CommandError extends MailctlError {
  readonly host: string;
  readonly status: number;
  readonly stderr: string;

  constructor(host: string, what: string, status: number, stderr: string, extra: Extra = {}) {
    super(`${host}: ${what} ended with status ${status}`, {
      code: 'command.failed',
      exitCode: EXIT.partial,
      detail: stderr.trim().slice(0, 2000) || undefined,
      ...extra,
    });
    this.host = host;
    this.status = status;
    this.stderr = stderr;
  }
}

/** Output of a program, or a file of a site, that we cannot read. `where` is host and file:line. */
export class ParseError extends MailctlError {
  constructor(where: string, what: string, extra: Extra = {}) {
    super(`${where}: ${what}`, { code: 'parse', exitCode: EXIT.partial, ...extra });
  }
}

/** A gate refuses all that was asked. Nothing was changed. Exit 4. */
export class RefusedError extends MailctlError {
  constructor(message: string, extra: Extra & { readonly code?: string } = {}) {
    super(message, { code: 'refused', exitCode: EXIT.refused, ...extra });
  }
}

/** Another run holds what was asked for. Exit 6. */
export class BusyError extends MailctlError {
  constructor(message: string, extra: Extra = {}) {
    super(message, { code: 'busy', exitCode: EXIT.busy, ...extra });
  }
}
