// A certificate as a TLS client describes it: judged by node, never enforced. Texts in it are a stranger's. Types only.

/** The certificate that the server showed. */
export interface CertificateSeen {
  /** node's `authorizationError`; null: all is well. */
  readonly error: string | null;
  readonly subject: string;
  readonly issuer: string;
  /** Names that it is for; cut where there are many. */
  readonly names: readonly string[];
  /** ISO 8601 UTC. */
  readonly validFrom: string;
  readonly validTo: string;
  readonly isExpired: boolean;
  /** For the name that was asked for; null: there was none to fit, an address was asked. */
  readonly fitsName: boolean | null;
  /** SHA-256 of the certificate and of its public key (DANE 3 1 1), in small hexadecimal digits. */
  readonly sha256: string;
  readonly keySha256: string;
  readonly chainLength: number;
}
