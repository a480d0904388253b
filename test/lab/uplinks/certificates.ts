/** Certificates for the world's mail servers: a chain of 2.9 kB that is good, and three that are not. */
import fs from 'node:fs';
import path from 'node:path';
import { run } from '../run.js';
import type { Uplinks } from './spec.js';

/** Makes the CA (`ca.pem`), one key, and a chain file for each kind: good, expired, wrong-name, self-signed. */
export async function makeCertificates(lab: Uplinks): Promise<void> {
  const cwd = lab.paths.certificates;
  fs.mkdirSync(cwd, { recursive: true, mode: 0o700 });
  const openssl = (...words: string[]) => run(['openssl', ...words], { cwd });
  const names = lab.spec.servers.map(({ name }) => name);
  // A big provider's certificate names many hosts; so the chain has the size that one is used to.
  const filler = Array.from(
    { length: Math.max(0, 28 - names.length) },
    (_, at) => `alt${at}.mail.a-big-provider.example`,
  );
  const alternatives = (list: readonly string[]) =>
    `subjectAltName=${list.map((one) => `DNS:${one}`).join(',')}`;
  await Promise.all([
    openssl(
      ...[
        'req',
        '-x509',
        '-newkey',
        'rsa:2048',
        '-nodes',
        '-keyout',
        'ca.key',
        '-out',
        'ca.pem',
        '-days',
        '30',
      ],
      ...['-subj', '/C=AU/ST=Victoria/L=Melbourne/O=An Authority of the Lab/CN=Lab Root CA'],
    ),
    openssl('genrsa', '-out', 'leaf.key', '2048'),
  ]);
  const subject = ['-subj', '/C=AU/O=A Big Provider/CN=mx.a-big-provider.example'];
  await openssl('req', '-new', '-key', 'leaf.key', '-out', 'leaf.csr', ...subject);
  const read = (file: string) => fs.readFileSync(path.join(cwd, file), 'utf8');
  const leaf = async (
    kind: string,
    list: readonly string[],
    days: string,
    signer = ['-CA', 'ca.pem', '-CAkey', 'ca.key'],
  ) => {
    fs.writeFileSync(path.join(cwd, `${kind}.ext`), `${alternatives(list)}\n`);
    const words = [
      '-in',
      'leaf.csr',
      '-out',
      `${kind}.crt`,
      '-extfile',
      `${kind}.ext`,
      '-set_serial',
      '0x1001',
    ];
    // A number below zero makes one that ended before it began, which no other command of openssl 3.0 does.
    await openssl('x509', '-req', ...words, '-days', days, ...signer);
    const chain = signer.includes('ca.pem') ? read('ca.pem') : '';
    fs.writeFileSync(path.join(cwd, `${kind}.pem`), read(`${kind}.crt`) + chain);
  };
  await Promise.all([
    leaf('good', [...names, ...filler], '30'),
    leaf('expired', [...names, ...filler], '-1'),
    leaf('wrong-name', ['mx.somebody-else.example'], '30'),
    leaf('self-signed', names, '30', ['-signkey', 'leaf.key']),
  ]);
}
