// The transport of dry runs: the one place where "changes nothing" is kept. It refuses whatever is not marked
// readOnly, before any host is asked. That a command marked so really changes nothing is its author's promise.
import { EXIT, MailctlError } from '../errors.js';
import type { Transport } from './transport.js';

/** The same transport, for reading only. Anything else throws MailctlError `transport.read-only`. */
export function readOnlyTransport(transport: Transport): Transport {
  return {
    run(host, command, options) {
      if (command.readOnly) return transport.run(host, command, options);
      return Promise.reject(
        new MailctlError(`${host.name}: ${command.name} would change something, and this is a dry run`, {
          code: 'transport.read-only',
          exitCode: EXIT.failed,
          hint: 'this is a fault in mailctl: nothing was changed, please report it',
        }),
      );
    },
    close: () => transport.close(),
  };
}
