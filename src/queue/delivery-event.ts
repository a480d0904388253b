// One line of a mail server's log that says what became of a message for a recipient, whatever the server's words.
// Texts are as the log has them: hostile. Types only.
import type { EnhancedCode } from './status-code.js';

/** What happened. `refused`: a new message was turned away at the door and never queued. */
export type DeliveryOutcome = 'sent' | 'deferred' | 'bounced' | 'expired' | 'refused';

/** A delivery, or the try of one. */
export interface DeliveryEvent {
  /** Epoch seconds by the log's clock. */
  readonly at: number;
  readonly id: string;
  readonly outcome: DeliveryOutcome;
  /** Recipient; empty: the line names none. */
  readonly recipient: string;
  /** Envelope sender where the line or an earlier one of the same id told it; null: not known. */
  readonly sender: string | null;
  /** Name and address of the next hop; null: there was none, or it was never reached. */
  readonly relay: { readonly name: string; readonly address: string; readonly port: number | null } | null;
  /** Our own address that it went out from; null: the log does not say. */
  readonly source: string | null;
  /** Null: the line has none. */
  readonly dsn: EnhancedCode | null;
  /** The far side's or the server's own words; empty: none. */
  readonly reason: string;
}
